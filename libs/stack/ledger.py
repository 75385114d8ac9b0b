"""The embedded ledger as a part: the gate of `libs.stack.gate`, which owns its anvil."""

import signal
import sys
from pathlib import Path

import aiohttp

from libs.stack.part import Launch
from libs.stack.places import CHECKOUT, Ports, find_anvil


async def ledger_answers(rpc: str) -> bool:
    """Whether every address of a comma-separated list names a block."""
    call = {"jsonrpc": "2.0", "id": 1, "method": "eth_blockNumber", "params": []}
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=5)) as session:
        for url in rpc.split(","):
            try:
                async with session.post(url.strip(), json=call) as answer:
                    if "result" not in await answer.json(content_type=None):
                        return False
            except (aiohttp.ClientError, TimeoutError, ValueError):
                return False
    return True


class Ledger:
    """The gate of one state directory."""

    name = "ledger"
    stop_signal = signal.SIGTERM
    # A long journal takes its time; the log shows how far the replay is.
    ready_within_s = 1800.0

    def __init__(self, home: Path, ports: Ports, block_time_s: float, empty_block_time_s: float, faults: bool) -> None:
        self._folder = home / "ledger"
        self._port = ports.port("ledger")
        self._block_time_s = block_time_s
        self._empty_block_time_s = empty_block_time_s
        self._faults = faults
        self.log = home / "log" / "ledger.log"

    @property
    def address(self) -> str:
        """JSON-RPC address."""
        return f"http://127.0.0.1:{self._port}"

    async def prepare(self) -> Launch:
        """Nothing to make ready: the gate opens its own journal."""
        find_anvil()
        command = [
            *(
                sys.executable,
                "-m",
                "libs.stack.gate",
                "--home",
                str(self._folder),
                "--port",
                str(self._port),
            ),
            *("--block-time", str(self._block_time_s), "--empty-block-time", str(self._empty_block_time_s)),
            *(("--faults",) if self._faults else ()),
        ]
        return Launch(command, env={"PYTHONPATH": str(CHECKOUT)})

    async def is_ready(self) -> bool:
        """Whether it names a block; it listens only after the replay."""
        return await ledger_answers(self.address)
