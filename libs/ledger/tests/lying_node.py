"""A small JSON-RPC node that behaves badly on purpose: it holds a toy chain and follows a script of faults."""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict, deque
from typing import Any

import orjson
import rlp
from aiohttp import web
from aiohttp.test_utils import TestServer
from eth_account import Account

from libs.ledger import abi
from libs.ledger.hashing import keccak

CONTRACT = b"\x11" * 20
# Longer than the 32 bytes that a header's extraData may have elsewhere: validator seals (quirk 8).
SEALS = "0x" + "ab" * 500


class LyingNode:
    """Answers from its toy chain unless a fault of the method is queued; `requests` counts what it was asked."""

    def __init__(self) -> None:
        self.blocks: list[list[dict[str, Any]]] = [[]]
        self.pool: dict[tuple[str, int], dict[str, Any]] = {}
        self.offered: list[str] = []
        self.requests: Counter[str] = Counter()
        self.faults: defaultdict[str, deque[Any]] = defaultdict(deque)
        self.accepts_then_hangs_s = 0.0
        self._server = TestServer(self._app())

    async def __aenter__(self) -> LyingNode:
        await self._server.start_server()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._server.close()

    @property
    def url(self) -> str:
        """Its address."""
        return str(self._server.make_url("/"))

    def fail(self, method: str, *faults: Any) -> None:
        """The next answers of the method: a dict is an error, an int an HTTP status, None a null result."""
        self.faults[method].extend(faults)

    def mine(self) -> None:
        """A block of what the pool has in nonce order."""
        mined: list[dict[str, Any]] = []
        for key in sorted(self.pool):
            if key[1] == self.next_nonce(key[0]) + sum(tx["from"] == key[0] for tx in mined):
                mined.append(self.pool[key])
        for tx in mined:
            del self.pool[tx["from"], int(tx["nonce"], 16)]
            tx["blockNumber"] = hex(len(self.blocks))
        self.blocks.append(mined)

    def next_nonce(self, sender: str) -> int:
        """By mined transactions."""
        return sum(tx["from"] == sender for block in self.blocks for tx in block)

    def _app(self) -> web.Application:
        app = web.Application(client_max_size=2**26)
        app.router.add_post("/", self._handle)
        return app

    async def _handle(self, request: web.Request) -> web.Response:
        body = orjson.loads(await request.read())
        if isinstance(body, list):
            answers = [await self._answer(one) for one in reversed(body)]
            return web.Response(body=orjson.dumps(answers))
        answer = await self._answer(body)
        if isinstance(answer, int):
            return web.Response(status=answer, text="<html>bad gateway</html>")
        return web.Response(body=orjson.dumps(answer))

    async def _answer(self, call: dict[str, Any]) -> Any:
        method, params = call["method"], call["params"]
        self.requests[method] += 1
        head = {"jsonrpc": "2.0", "id": call["id"]}
        if self.faults[method]:
            fault = self.faults[method].popleft()
            if isinstance(fault, int):
                return fault
            return {**head, "result": None} if fault is None else {**head, "error": fault}
        try:
            return {**head, "result": await getattr(self, f"_{method}")(*params)}
        except ValueError as error:
            return {**head, "error": {"code": -32000, "message": str(error)}}

    async def _eth_chainId(self) -> str:
        return hex(20261)

    async def _eth_blockNumber(self) -> str:
        return hex(len(self.blocks) - 1)

    async def _eth_call(self, call: dict[str, Any], _tag: str) -> str:
        if call["data"].startswith("0x" + abi.encode_lanes().hex()):
            return "0x" + abi.word(4).hex()
        return "0x" + (abi.word(len(self.blocks)) + b"\x22" * 32).hex()

    async def _eth_getTransactionCount(self, sender: str, _tag: str) -> str:
        return hex(self.next_nonce(sender))

    async def _eth_getTransactionByHash(self, wanted: str) -> Any:
        everything = [tx for block in self.blocks for tx in block] + list(self.pool.values())
        return next((tx for tx in everything if tx["hash"] == wanted), None)

    async def _eth_getBlockByNumber(self, number: str, full: bool) -> Any:
        at = int(number, 16)
        if at >= len(self.blocks):
            return None
        seen = self.blocks[at] if full else [tx["hash"] for tx in self.blocks[at]]
        block_hash = "0x" + keccak(abi.word(at)).hex()
        return {"hash": block_hash, "timestamp": hex(1_000 + at), "transactions": seen, "extraData": SEALS}

    async def _eth_getLogs(self, query: dict[str, Any]) -> list[Any]:
        low, high = int(query["fromBlock"], 16), int(query["toBlock"], 16)
        if high - low >= 100:
            raise ValueError("query exceeds max block range 100")
        lane = query["topics"][1] if len(query["topics"]) > 1 else f"0x{0:064x}"
        data = (abi.word(1) + abi.word(1) + b"\x33" * 32 + b"\x44" * 32).hex()
        return [
            {
                "topics": ["0x" + abi.BATCH_TOPIC.hex(), lane], "data": "0x" + data, "blockNumber": hex(at),
                "blockHash": "0x" + keccak(abi.word(at)).hex(), "transactionHash": tx["hash"],
                "transactionIndex": hex(index), "logIndex": "0x0",
            }
            for at in range(low, min(high + 1, len(self.blocks)))
            for index, tx in enumerate(self.blocks[at])
        ]  # fmt: skip

    async def _eth_sendRawTransaction(self, raw: str) -> str:
        self.offered.append(raw)
        data = bytes.fromhex(raw[2:])
        fields, sender = rlp.decode(data), Account.recover_transaction(data).lower()
        nonce, found = int.from_bytes(fields[0], "big"), "0x" + keccak(data).hex()
        if nonce < self.next_nonce(sender):
            raise ValueError("Nonce too low")
        known = self.pool.get((sender, nonce))
        if known is not None:
            raise ValueError("Known transaction" if known["hash"] == found else "Replacement transaction underpriced")
        self.pool[sender, nonce] = {
            "hash": found, "from": sender, "to": "0x" + fields[3].hex(), "nonce": hex(nonce),
            "input": "0x" + fields[5].hex(), "blockNumber": None,
        }  # fmt: skip
        await asyncio.sleep(self.accepts_then_hangs_s)
        return found
