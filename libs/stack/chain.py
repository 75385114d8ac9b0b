"""The anvil process and the JSON-RPC client that the gate talks to it with."""

import asyncio
from pathlib import Path
from typing import Any

import aiohttp
import orjson

from libs.stack.journal import ChainConstants
from libs.stack.part import until
from libs.stack.places import find_anvil, free_port
from libs.stack.processes import PidFile

_STATES_IN_MEMORY = 256
_START_DEADLINE_S = 20.0


class ChainError(Exception):
    """The node refused a call that must succeed, or does not answer."""


def anvil_command(anvil: Path, port: int, constants: ChainConstants) -> list[str]:
    """The command line under which equal journals give equal blocks."""
    return [
        *(str(anvil), "--host", "127.0.0.1", "--port", str(port), "--quiet", "--no-cors"),
        *("--hardfork", "london", "--no-mining", "--order", "fifo", "--no-request-size-limit"),
        *("--chain-id", str(constants.chain_id), "--timestamp", str(constants.genesis_timestamp)),
        *("--gas-limit", str(constants.gas_limit), "--gas-price", "0", "--block-base-fee-per-gas", "0"),
        *("--disable-min-priority-fee", "--accounts", "0", "--disable-default-create2-deployer"),
        *("--prune-history", str(_STATES_IN_MEMORY)),
    ]


class Chain:
    """One anvil, started and ended by us, empty at each start."""

    def __init__(self, home: Path, constants: ChainConstants) -> None:
        self._home = home
        self._constants = constants
        self._pid_file = PidFile(home / "anvil.pid.json")
        self._process: asyncio.subprocess.Process | None = None
        self._session: aiohttp.ClientSession | None = None
        self._url = ""

    async def start(self) -> None:
        """Ends an anvil that a killed gate left behind, starts an empty one and waits until it answers."""
        self._pid_file.end()
        port = free_port()
        self._url = f"http://127.0.0.1:{port}"
        with (self._home / "anvil.log").open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *anvil_command(find_anvil(), port, self._constants), stdout=log, stderr=log, cwd=self._home
            )
        self._pid_file.write(self._process.pid)
        connector = aiohttp.TCPConnector(limit=0)
        self._session = aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(total=120))
        if not await until(self._answers, _START_DEADLINE_S, every_s=0.02):
            raise ChainError(f"anvil does not answer, see {self._home / 'anvil.log'}")

    async def _answers(self) -> bool:
        if self._process is not None and self._process.returncode is not None:
            raise ChainError(f"anvil ended with code {self._process.returncode}, see {self._home / 'anvil.log'}")
        try:
            await self.call("eth_chainId")
        except aiohttp.ClientConnectionError:
            return False
        return True

    async def ended(self) -> int:
        """Returns when the process has ended, with its exit code."""
        if self._process is None:
            raise ChainError("anvil was not started")
        return await self._process.wait()

    async def forward(self, body: bytes) -> bytes:
        """The node's answer to a JSON-RPC body, both untouched."""
        if self._session is None:
            raise ChainError("anvil was not started")
        async with self._session.post(self._url, data=body, headers={"Content-Type": "application/json"}) as answer:
            return await answer.read()

    async def call(self, method: str, *params: object) -> Any:
        """The result of one call; raises ChainError with the node's own words."""
        body = orjson.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params})
        answer = orjson.loads(await self.forward(body))
        if "error" in answer:
            raise ChainError(f"{method}: {answer['error'].get('message')}")
        return answer["result"]

    async def head(self) -> tuple[int, bytes, int]:
        """Number, hash and timestamp (seconds) of the last block."""
        block = await self.call("eth_getBlockByNumber", "latest", False)
        return int(block["number"], 16), bytes.fromhex(block["hash"][2:]), int(block["timestamp"], 16)

    async def waiting(self) -> int:
        """How many transactions of the pool could be mined now."""
        return int((await self.call("txpool_status"))["pending"], 16)

    async def stop(self) -> None:
        """Closes the connections and kills the process; its state is worth nothing, the journal has it."""
        if self._session is not None:
            await self._session.close()
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()
        self._pid_file.remove()
