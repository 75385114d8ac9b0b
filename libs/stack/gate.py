"""The journalling gate: an anvil that survives SIGKILL, behind the JSON-RPC of any node (write-path.md, last
part).

Everything is forwarded. A raw transaction goes to anvil at once, so that its errors show, and is remembered;
at each tick the gate writes {timestamp, new transactions} to its journal, makes that durable, then mines the
block with that timestamp. A start replays the journal and compares hashes. When anvil dies the gate ends with
it, and whoever supervises the gate starts both again.
"""

import argparse
import asyncio
import signal
import sys
import time
from pathlib import Path
from typing import Any

import aiohttp
import orjson
from aiohttp import web

from libs.stack.chain import Chain, ChainError
from libs.stack.faults import Faults, UnknownFault
from libs.stack.journal import DROP_POOL, MINE, ChainConstants, Entry, Journal, JournalDamaged

CHAIN_ID = 20_261
GAS_LIMIT = 64_000_000
MAX_BODY_BYTES = 64 << 20
_OPEN_PREFIXES = ("eth_", "net_", "web3_", "txpool_", "debug_", "trace_")
_SEND = "eth_sendRawTransaction"
_JSON = {"Content-Type": "application/json"}
_PROGRESS_EVERY_S = 1.0


class ReplayDiverged(Exception):
    """The journal gave another chain than the one that it was written with."""


def error(call: Any, code: int, message: str) -> bytes:
    """A JSON-RPC error as an answer to `call`."""
    identity = call.get("id") if isinstance(call, dict) else None
    return orjson.dumps({"jsonrpc": "2.0", "id": identity, "error": {"code": code, "message": message}})


class Gate:
    """One chain, its journal and the clock that mines it.

    `block_time_s` is the time between blocks; an empty one is mined every `empty_block_time_s` only (as
    Besu's own emptyblockperiod), or never when that is 0. A block's timestamp is never ahead of real time.
    """

    def __init__(
        self,
        journal: Journal,
        chain: Chain,
        block_time_s: float,
        empty_block_time_s: float,
        faults: Faults | None,
    ) -> None:
        self._journal = journal
        self._chain = chain
        self._block_time_s = block_time_s
        self._empty_block_time_s = empty_block_time_s
        self._faults = faults
        self._pending: list[bytes] = []
        self._leftover = 0
        self._parent = bytes(32)
        self._timestamp = journal.constants.genesis_timestamp
        self._mined_at = 0.0
        # One at a time: anvil takes transactions in the order in which the journal keeps them.
        self._order = asyncio.Lock()

    async def replay(self) -> int:
        """Mines every block of the journal again and returns their number; raises ReplayDiverged."""
        shown_at, number = time.monotonic(), 0
        total = self._journal.size_bytes
        _, self._parent, _ = await self._chain.head()
        for end, entry in self._journal.entries():
            number += 1
            if entry.raws:
                _, self._parent, _ = await self._chain.head()
                if entry.parent != self._parent:
                    raise ReplayDiverged(f"block {number} of the journal stands on another block than it did")
            await self._apply(entry)
            if time.monotonic() - shown_at > _PROGRESS_EVERY_S:
                shown_at = time.monotonic()
                print(f"replayed {number} blocks, {end * 100 // total} %", flush=True)
        _, self._parent, self._timestamp = await self._chain.head()
        noted = self._journal.noted_head()
        if noted is not None and noted != self._parent:
            raise ReplayDiverged(f"the last block is {self._parent.hex()}, it was {noted.hex()}")
        self._leftover = await self._chain.waiting()
        return number

    async def _apply(self, entry: Entry) -> None:
        if entry.kind == DROP_POOL:
            await self._chain.call("anvil_dropAllTransactions")
            return
        for raw in entry.raws:
            await self._chain.call(_SEND, "0x" + raw.hex())
        await self._chain.call("evm_mine", {"timestamp": entry.timestamp})

    async def mine_for_ever(self) -> None:
        """Mines at every tick; late ticks are not made up for."""
        loop = asyncio.get_running_loop()
        tick = loop.time()
        while True:
            tick = max(tick + self._block_time_s, loop.time())
            await asyncio.sleep(tick - loop.time())
            async with self._order:
                if self._pending or self._leftover or self._empty_block_is_due(loop.time()):
                    await self._mine()
                    self._mined_at = loop.time()

    def _empty_block_is_due(self, now: float) -> bool:
        # Half a tick of slack, or a block a second would be one every other second.
        wait = self._empty_block_time_s - self._block_time_s / 2
        return self._empty_block_time_s > 0 and now - self._mined_at >= wait

    async def _mine(self) -> None:
        raws, self._pending = self._pending, []
        self._timestamp = max(self._timestamp, int(time.time()))
        self._journal.append(Entry(MINE, self._timestamp, self._parent, raws))
        if raws or self._leftover:
            await asyncio.to_thread(self._journal.sync)
        await self._chain.call("evm_mine", {"timestamp": self._timestamp})
        _, self._parent, _ = await self._chain.head()
        self._leftover = await self._chain.waiting() if raws or self._leftover else 0
        self._journal.note_head(self._parent)

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """One HTTP request: a call or a batch of calls."""
        body = await request.read()
        if self._faults is None:
            return web.Response(body=await self._answer_body(body), headers=_JSON)
        if self._faults.refuses() and b"gate_fault" not in body:
            return self._hang_up(request)
        answer = await self._answer_body(body)
        if b"gate_fault" not in body:
            await asyncio.sleep(self._faults.delay_ms / 1000)
            if _SEND.encode() in body and self._faults.take("drop_answers"):
                return self._hang_up(request)
        return web.Response(body=answer, headers=_JSON)

    @staticmethod
    def _hang_up(request: web.Request) -> web.StreamResponse:
        if request.transport is not None:
            request.transport.close()
        return web.Response(status=503)

    async def _answer_body(self, body: bytes) -> bytes:
        try:
            calls = orjson.loads(body)
        except orjson.JSONDecodeError:
            return error(None, -32700, "the body is not JSON")
        if isinstance(calls, list):
            if calls and all(self._is_plain(call) for call in calls):
                return await self._forward(calls[0], body)
            answers = [await self._answer(call, orjson.dumps(call)) for call in calls]
            return b"[" + b",".join(answers) + b"]"
        return await self._answer(calls, body)

    def _is_plain(self, call: Any) -> bool:
        """Whether a call may be forwarded without a second look."""
        if not isinstance(call, dict):
            return False
        method = str(call.get("method"))
        spoilt = self._faults is not None and self._faults.null_heads and method == "eth_getBlockByNumber"
        return not spoilt and method.startswith(_OPEN_PREFIXES) and not method.startswith("eth_send")

    async def _answer(self, call: Any, body: bytes) -> bytes:
        if self._is_plain(call):
            return await self._forward(call, body)
        if not isinstance(call, dict):
            return error(None, -32600, "a call is a JSON object")
        match call.get("method"):
            case "eth_sendRawTransaction":
                return await self._send(call, body)
            case "gate_fault" if self._faults is not None:
                return await self._fault(self._faults, call)
            case "eth_getBlockByNumber" if self._faults is not None and self._faults.take("null_heads"):
                return orjson.dumps({"jsonrpc": "2.0", "id": call.get("id"), "result": None})
            case method:
                # Whatever else changes the chain would not be in the journal.
                return error(call, -32601, f"the method {method} is not available on this ledger")

    async def _forward(self, call: Any, body: bytes) -> bytes:
        try:
            return await self._chain.forward(body)
        except aiohttp.ClientError as unreachable:
            return error(call, -32603, f"the embedded node does not answer: {type(unreachable).__name__}")

    async def _send(self, call: dict[str, Any], body: bytes) -> bytes:
        if self._faults is not None and self._faults.take("invalid_params"):
            return error(call, -32602, "Invalid params")
        try:
            raw = bytes.fromhex(call["params"][0].removeprefix("0x"))
        except (LookupError, TypeError, ValueError, AttributeError):
            return error(call, -32602, "Invalid params")
        async with self._order:
            answer = await self._forward(call, body)
            if "result" in orjson.loads(answer):
                self._pending.append(raw)
        return answer

    async def _fault(self, faults: Faults, call: dict[str, Any]) -> bytes:
        try:
            kind = faults.order(call["params"][0])
        except (LookupError, TypeError, ValueError, UnknownFault) as wrong:
            return error(call, -32602, f"gate_fault: {wrong}")
        if kind == "lose_pool":
            async with self._order:
                self._journal.append(Entry(DROP_POOL, self._timestamp, self._parent, []))
                await asyncio.to_thread(self._journal.sync)
                await self._chain.call("anvil_dropAllTransactions")
                self._pending, self._leftover = [], 0
        return orjson.dumps({"jsonrpc": "2.0", "id": call.get("id"), "result": kind})


async def run(options: argparse.Namespace) -> int:
    """Replays, then serves until a signal (exit code 0) or the end of anvil (exit code 1)."""
    options.home.mkdir(parents=True, exist_ok=True)
    fresh = ChainConstants(options.chain_id, int(time.time()), options.gas_limit)
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    with Journal(options.home / "journal", fresh) as journal:
        if journal.cut_bytes:
            print(f"cut {journal.cut_bytes} bytes of a torn record off the journal", flush=True)
        chain = Chain(options.home, journal.constants)
        gate = Gate(journal, chain, options.block_time, options.empty_block_time, Faults() if options.faults else None)
        application = web.Application(client_max_size=MAX_BODY_BYTES)
        application.router.add_post("/", gate.serve)
        runner = web.AppRunner(application, access_log=None)
        try:
            await chain.start()
            blocks = await gate.replay()
            await runner.setup()
            await web.TCPSite(runner, "127.0.0.1", options.port, backlog=512).start()
            print(f"{blocks} blocks replayed, serving on port {options.port}", flush=True)
            return await _until(stop, asyncio.create_task(gate.mine_for_ever()), asyncio.create_task(chain.ended()))
        finally:
            await runner.cleanup()
            await chain.stop()


async def _until(stop: asyncio.Event, mining: asyncio.Task[None], node: asyncio.Task[int]) -> int:
    """Waits for the first of: a signal, the end of anvil, an error while mining."""
    stopped = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait((stopped, mining, node), return_when=asyncio.FIRST_COMPLETED)
        if stop.is_set():
            return 0
        why = mining.exception() if mining.done() else None
        print(f"anvil ended or refused to mine: {why or 'exit code ' + str(node.result())}", flush=True)
        return 1
    finally:
        for task in (stopped, mining, node):
            task.cancel()


def main() -> int:
    """The program `python -m libs.stack.gate`."""
    parser = argparse.ArgumentParser(prog="python -m libs.stack.gate", description=__doc__)
    parser.add_argument("--home", type=Path, required=True, help="folder of the journal")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--block-time", type=float, default=1.0, help="seconds between blocks")
    parser.add_argument("--empty-block-time", type=float, default=5.0, help="of empty blocks; 0: none")
    parser.add_argument("--chain-id", type=int, default=CHAIN_ID)
    parser.add_argument("--gas-limit", type=int, default=GAS_LIMIT)
    parser.add_argument("--faults", action="store_true", help="answer gate_fault")
    try:
        return asyncio.run(run(parser.parse_args()))
    except (ChainError, JournalDamaged, ReplayDiverged) as stop:
        print(f"the embedded ledger cannot start: {stop}", file=sys.stderr, flush=True)
        return 2


if __name__ == "__main__":
    sys.exit(main())
