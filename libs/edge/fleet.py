"""Services as processes of their own under one parent: what the demo and the journeys run on."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp

from libs.kernel.errors import CartularyError
from libs.stack.part import until
from libs.stack.places import CHECKOUT, free_port

_ANSWER_WITHIN_S = 3.0
_STOP_WITHIN_S = 20.0
# The kernel ends a process with the one that started it, however that one ends (PR_SET_PDEATHSIG, Linux).
_START = """
import ctypes, sys
if sys.platform == "linux":
    ctypes.CDLL(None).prctl(1, 15)
from libs.cli.main import app
app()
"""


class FleetFailed(CartularyError):
    """A process of the fleet ended, or did not become ready in time; the message names its log."""

    code = "fleet-failed"
    title = "The fleet could not be served"


@dataclass(slots=True)
class ServedFleet:
    """Processes by service; `url` of each is where its API answers."""

    logs: Path
    ports: dict[str, int] = field(default_factory=dict)
    processes: dict[str, asyncio.subprocess.Process] = field(default_factory=dict)

    def url(self, service: str) -> str:
        """Where a service answers: `http://127.0.0.1:<port>/<service>`."""
        return f"http://127.0.0.1:{self.ports[service]}/{service}"

    def log(self, service: str) -> Path:
        """What a process says."""
        return self.logs / f"{service}.log"

    async def start(self, service: str, environment: Mapping[str, str]) -> None:
        """Start the process of a service; `ready` waits for it."""
        self.ports[service] = free_port()
        self.logs.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-c", _START, "serve", service, "--port", str(self.ports[service])]
        with self.log(service).open("ab") as log:
            self.processes[service] = await asyncio.create_subprocess_exec(
                *command, stdin=asyncio.subprocess.DEVNULL, stdout=log, stderr=log, cwd=CHECKOUT,
                env={**os.environ, **environment, "PYTHONPATH": str(CHECKOUT)}, start_new_session=True,
            )  # fmt: skip

    async def ready(self, within_s: float) -> None:
        """Return when every process is well; raises FleetFailed."""
        said: dict[str, str] = {}

        async def well() -> bool:
            for service, process in self.processes.items():
                if process.returncode is not None:
                    raise FleetFailed(f"{service} ended with code {process.returncode}, see {self.log(service)}")
                said[service] = await self._unwell(service)
            return not any(said.values())

        if not await until(well, within_s, every_s=0.1):
            raise FleetFailed("; ".join(f"{service} is not ready: {why}" for service, why in said.items() if why))

    async def _unwell(self, service: str) -> str:
        address = f"http://127.0.0.1:{self.ports[service]}/health/ready"
        try:
            async with (
                aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=_ANSWER_WITHIN_S)) as session,
                session.get(address) as answer,
            ):
                checks = (await answer.json(content_type=None))["checks"]
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            return f"it does not answer ({type(error).__name__})"
        return ", ".join(f"{c['name']}: {c['detail']}" for c in checks if c["status"] != "ok")

    async def stop(self) -> None:
        """End every process gracefully; what does not end in time is killed."""
        await asyncio.gather(*(_end(process) for process in self.processes.values()))


async def _end(process: asyncio.subprocess.Process) -> None:
    with contextlib.suppress(ProcessLookupError):
        process.terminate()
    try:
        await asyncio.wait_for(process.wait(), _STOP_WITHIN_S)
    except TimeoutError:
        process.kill()
        await process.wait()


@asynccontextmanager
async def served_fleet(
    services: Sequence[str], environment: Mapping[str, str], logs: Path, *, within_s: float = 60.0
) -> AsyncIterator[ServedFleet]:
    """The services, each in a process, ready; ended with the block. Raises FleetFailed."""
    fleet = ServedFleet(logs)
    try:
        for service in services:
            await fleet.start(service, environment)
        await fleet.ready(within_s)
        yield fleet
    finally:
        await fleet.stop()
