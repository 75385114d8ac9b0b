"""A part of the local stack: one process that is prepared, started, asked whether it is ready, and ended."""

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol


class PartFailed(Exception):
    """A part ended, or did not become ready in time; the message names its log."""


@dataclass(frozen=True, slots=True)
class Launch:
    """How the process of a part is started. `user` is set only when we are root and the program refuses
    root."""

    command: list[str]
    env: dict[str, str] = field(default_factory=dict)
    user: str | None = None


class Part(Protocol):
    """What the supervisor needs to know of a part."""

    name: str
    log: Path
    stop_signal: signal.Signals
    ready_within_s: float

    @property
    def address(self) -> str:
        """What a client connects with."""
        ...

    async def prepare(self) -> Launch:
        """Makes the data directory ready, from nothing or after a crash, and says what to start."""
        ...

    async def is_ready(self) -> bool:
        """Whether the part does its real work now."""
        ...


async def spawn(launch: Launch, log: Path) -> asyncio.subprocess.Process:
    """Starts a process in a session of its own (a Ctrl-C reaches only us), its words appended to `log`."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        return await asyncio.create_subprocess_exec(
            *launch.command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd="/",
            env={**os.environ, **launch.env},
            user=launch.user,
            group=launch.user,
            extra_groups=None if launch.user is None else [],
            start_new_session=True,
        )


async def run_once(launch: Launch, log: Path) -> None:
    """Runs a short program to its end; raises PartFailed when it does not end well."""
    process = await spawn(launch, log)
    if await process.wait():
        program = Path(launch.command[0]).name
        raise PartFailed(f"{program} ended with code {process.returncode}; its words are in {log}")


async def until(holds: Callable[[], Awaitable[bool]], within_s: float, every_s: float = 0.05) -> bool:
    """Asks again and again until the answer is yes; False when it was not in time."""
    deadline = asyncio.get_running_loop().time() + within_s
    while not await holds():
        if asyncio.get_running_loop().time() > deadline:
            return False
        await asyncio.sleep(every_s)
    return True
