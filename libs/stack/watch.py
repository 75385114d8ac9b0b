"""Watches over one part: starts it, waits until it is ready, starts it again when it dies."""

import asyncio
import contextlib
from collections.abc import Callable

from libs.stack.part import Part, PartFailed, spawn, until
from libs.stack.processes import PidFile

_FIRST_PAUSE_S = 0.1
_LONGEST_PAUSE_S = 5.0
_END_WITHIN_S = 30.0


class Watch:
    """The life of one part. A part that dies is started again, at once at first, then ever more slowly."""

    def __init__(self, part: Part, pid_file: PidFile, tell: Callable[[str, str, str], None]) -> None:
        self.part = part
        self._pid_file = pid_file
        self._tell = tell
        self._process: asyncio.subprocess.Process | None = None
        self._keeper: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Returns when the part is ready, and keeps it so from then on; raises PartFailed."""
        await self._launch()
        self._tell(self.part.name, "started", self.part.address)
        self._keeper = asyncio.create_task(self._keep(), name=f"keep {self.part.name}")

    async def stop(self) -> None:
        """Ends the part in its own way, and by force when that takes more than 30 s."""
        if self._keeper is not None:
            self._keeper.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._keeper
        await self._end()
        self._pid_file.remove()

    async def _launch(self) -> None:
        launch = await self.part.prepare()
        self._process = await spawn(launch, self.part.log)
        self._pid_file.write(self._process.pid)
        if not await until(self._is_ready, self.part.ready_within_s):
            raise PartFailed(
                f"{self.part.name} is not ready after {self.part.ready_within_s:.0f} s, see {self.part.log}"
            )

    async def _is_ready(self) -> bool:
        if self._process is None or self._process.returncode is not None:
            code = None if self._process is None else self._process.returncode
            raise PartFailed(f"{self.part.name} ended with code {code}, see {self.part.log}")
        return await self.part.is_ready()

    async def _keep(self) -> None:
        pause_s = 0.0
        while True:
            if self._process is not None:
                await self._process.wait()
            await asyncio.sleep(pause_s)
            try:
                await self._launch()
            except PartFailed as failure:
                pause_s = min(max(2 * pause_s, _FIRST_PAUSE_S), _LONGEST_PAUSE_S)
                self._tell(self.part.name, f"not restarted: {failure}", self.part.address)
                await self._end()
            else:
                pause_s = 0.0
                self._tell(self.part.name, "restarted", self.part.address)

    async def _end(self) -> None:
        process = self._process
        if process is None or process.returncode is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(self.part.stop_signal)
        try:
            await asyncio.wait_for(process.wait(), _END_WITHIN_S)
        except TimeoutError:
            process.kill()
            await process.wait()
