"""Processes that we started: remembered by pid and start time, so that no stranger with the same pid is
ended."""

import os
import signal
from dataclasses import dataclass
from pathlib import Path

import orjson
import psutil

_CLOCK_SLACK_S = 1.0


@dataclass(frozen=True, slots=True)
class PidFile:
    """A file that names one process; it survives a SIGKILL of whoever wrote it."""

    path: Path

    def write(self, pid: int) -> None:
        """Remembers a process that runs now."""
        started = psutil.Process(pid).create_time()
        self.path.parent.mkdir(parents=True, exist_ok=True)
        temporary = self.path.with_suffix(f".{os.getpid()}")
        temporary.write_bytes(orjson.dumps({"pid": pid, "started": started}))
        temporary.replace(self.path)

    def process(self) -> psutil.Process | None:
        """The process, when it still runs and is the one that was written down."""
        try:
            noted = orjson.loads(self.path.read_bytes())
            process = psutil.Process(noted["pid"])
            same = abs(process.create_time() - noted["started"]) < _CLOCK_SLACK_S
            return process if same and process.status() != psutil.STATUS_ZOMBIE else None
        except (FileNotFoundError, psutil.NoSuchProcess, orjson.JSONDecodeError):
            return None

    def end(self, how: signal.Signals = signal.SIGKILL, within_s: float = 10.0) -> bool:
        """Ends the process and its children: `how` first, SIGKILL for what is left; says whether there was
        one."""
        process = self.process()
        if process is not None:
            end_tree(process, how, within_s)
        self.remove()
        return process is not None

    def remove(self) -> None:
        """Forgets the process."""
        self.path.unlink(missing_ok=True)


def end_tree(process: psutil.Process, how: signal.Signals, within_s: float) -> None:
    """Signals a process, gives it and its children time to end, and kills what remains."""
    try:
        family = [process, *process.children(recursive=True)]
        process.send_signal(how)
    except psutil.NoSuchProcess:
        return
    _, alive = psutil.wait_procs(family, timeout=within_s)
    for left in alive:
        try:
            left.kill()
        except psutil.NoSuchProcess:
            continue
    psutil.wait_procs(alive, timeout=within_s)
