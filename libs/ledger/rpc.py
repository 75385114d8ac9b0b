"""Light JSON-RPC over several node addresses: bounded, retried, failing over; no web3 (W-15).

The light client never parses a header's `extraData`, so the validator seals that a proof-of-authority chain
puts there, which make web3 stumble, do not concern it (ledger.md, quirk 8).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Self, TypeVar

import aiohttp
import orjson

from libs.kernel.errors import CartularyError
from libs.ledger.port import LedgerUnreachable

INVALID_PARAMS = -32602
# What a node says of itself rather than of the request: another node, or a later moment, may answer.
_OF_THE_NODE = frozenset({-32603, -32005, -32002, -32000})
_NODE_WORDS = (
    "timeout",
    "timed out",
    "overload",
    "header not found",
    "unknown block",
    "world state",
    "too busy",
)
_FIRST_PAUSE_S = 0.02
_LONGEST_PAUSE_S = 1.0

_Answer = TypeVar("_Answer")
Check = Callable[[Any], bool]
Sleep = Callable[[float], Awaitable[None]]


class RpcError(CartularyError):
    """A node answered with an error: its JSON-RPC number and message."""

    code = "rpc-error"

    def __init__(self, method: str, number: int, message: str) -> None:
        super().__init__(f"{method}: {message} ({number})", field=method, value=number)
        self.number = number
        self.message = message

    @property
    def of_the_node(self) -> bool:
        """Whether another node or a later moment may answer the same request well."""
        words = self.message.lower()
        return self.number in _OF_THE_NODE and any(word in words for word in _NODE_WORDS)


class _NoAnswer(Exception):
    """This node, at this moment; the next may do."""


@dataclass(slots=True)
class _Node:
    url: str
    height: int = -1


class JsonRpc:
    """Calls to whichever of the addresses answers, remembering how high each of them stands (W-12).

    `timeout_s` bounds one request, `rounds` how often all addresses are asked before LedgerUnreachable.
    """

    def __init__(
        self, urls: Sequence[str], *, timeout_s: float = 5.0, rounds: int = 5, sleep: Sleep = asyncio.sleep
    ) -> None:
        if not urls:
            raise LedgerUnreachable("no ledger address is configured; set CARTULARY_LEDGER_RPC")
        self._nodes = [_Node(url) for url in urls]
        self._timeout = aiohttp.ClientTimeout(total=timeout_s)
        self._rounds = rounds
        self.sleep = sleep
        self._session: aiohttp.ClientSession | None = None
        self._at = 0
        self._id = 0
        self.highest = 0

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    def turn(self) -> None:
        """Begin at the next address from now on."""
        self._at = (self._at + 1) % len(self._nodes)

    async def height(self) -> int:
        """The newest block's number; a node below what was seen before is passed over (W-12, quirk 2)."""

        async def ask(node: _Node) -> int:
            await self._look(node)
            if node.height < self.highest:
                raise _NoAnswer(f"stands at block {node.height}, {self.highest} was seen")
            return node.height

        return await self._on_any_node("eth_blockNumber", ask)

    async def call(self, method: str, *params: Any, at_least: int = 0, wanted: Check | None = None) -> Any:
        """The result of one call, from a node that stands at block `at_least` or above.

        An answer that `wanted` does not accept is asked for again (quirk 2). Raises RpcError for what the request
        itself got wrong, LedgerUnreachable when no node gave a good answer in time.
        """

        async def ask(node: _Node) -> Any:
            await self._raise_to(node, at_least)
            result = _result(method, await self._post(node, self._request(method, params)))
            if wanted is not None and not wanted(result):
                raise _NoAnswer(f"has no answer to {method} yet")
            return result

        return await self._on_any_node(method, ask)

    async def batch(self, calls: Sequence[tuple[str, Sequence[Any]]], *, at_least: int = 0) -> list[Any]:
        """The results of several calls sent as one request, in order; errors as in `call`."""
        if not calls:
            return []

        async def ask(node: _Node) -> list[Any]:
            await self._raise_to(node, at_least)
            requests = [self._request(method, params) for method, params in calls]
            answers = await self._post(node, requests)
            if not isinstance(answers, list) or len(answers) != len(requests):
                raise _NoAnswer("did not answer a batch with a batch")
            by_id = {answer.get("id"): answer for answer in answers if isinstance(answer, dict)}
            if any(request["id"] not in by_id for request in requests):
                raise _NoAnswer("left out a part of a batch")
            return [_result(r["method"], by_id[r["id"]]) for r in requests]

        return await self._on_any_node(calls[0][0], ask)

    async def _on_any_node(self, what: str, ask: Callable[[_Node], Awaitable[_Answer]]) -> _Answer:
        """Ask one address after the other, from the one that answered last, with pauses between the rounds."""
        pause, reason = _FIRST_PAUSE_S, "nothing was tried"
        for turn in range(self._rounds):
            if turn:
                await self.sleep(pause)
                pause = min(pause * 3, _LONGEST_PAUSE_S)
            for _ in self._nodes:
                node = self._nodes[self._at]
                try:
                    return await ask(node)
                except _NoAnswer as no:
                    reason = str(no)
                except RpcError as error:
                    if not error.of_the_node:
                        raise
                    reason = error.detail
                self.turn()
        raise LedgerUnreachable(f"no ledger node answered {what}: {reason}")

    async def _raise_to(self, node: _Node, at_least: int) -> None:
        if node.height < at_least:
            await self._look(node)
            if node.height < at_least:
                raise _NoAnswer(f"stands at block {node.height}, below {at_least}")

    async def _look(self, node: _Node) -> None:
        answer = _result("eth_blockNumber", await self._post(node, self._request("eth_blockNumber", ())))
        try:
            node.height = int(answer, 16)
        except (TypeError, ValueError):
            raise _NoAnswer("has no height") from None
        self.highest = max(self.highest, node.height)

    def _request(self, method: str, params: Sequence[Any]) -> dict[str, Any]:
        self._id += 1
        return {"jsonrpc": "2.0", "id": self._id, "method": method, "params": list(params)}

    async def _post(self, node: _Node, body: Any) -> Any:
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=self._timeout, read_bufsize=2**20)
        headers = {"Content-Type": "application/json"}
        try:
            async with self._session.post(node.url, data=orjson.dumps(body), headers=headers) as response:
                text = await response.read()
                # Nodes put errors into the body, some of them with HTTP 400 or 500 around it.
                return orjson.loads(text)
        except (aiohttp.ClientError, TimeoutError, OSError, orjson.JSONDecodeError) as error:
            node.height = -1  # whatever answers there next may be another node
            raise _NoAnswer(f"{type(error).__name__} {error}".strip()) from None


def _result(method: str, answer: Any) -> Any:
    if not isinstance(answer, dict):
        raise _NoAnswer("did not answer in JSON-RPC")
    error = answer.get("error")
    if error is not None:
        error = error if isinstance(error, dict) else {"message": str(error)}
        raise RpcError(method, int(error.get("code", 0)), str(error.get("message", "")))
    return answer.get("result")
