"""Processes forked from one that has imported everything: each start then costs two cores milliseconds, not seconds."""

from __future__ import annotations

import ctypes
import gc
import importlib
import os
import select
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

import orjson

from libs.stack.places import CHECKOUT

# What `cartulary serve` imports when it is called, beside the services themselves.
_SERVING = (
    "libs.cli.main", "libs.cli.serve", "libs.cli.parts", "libs.adapters.clock", "libs.edge.serve", "libs.edge.settings",
    "uvicorn.lifespan.off", "uvicorn.protocols.http.auto", "uvloop",
)  # fmt: skip
_READY = b"ready\n"
_PR_SET_PDEATHSIG = 1


class NurseryFailed(Exception):
    """The process that others are forked from did not come up, or ended."""


class Child:
    """A forked process, held by a descriptor: its number may be another's once it has ended."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self._descriptor: int | None = None
        try:
            self._descriptor = os.pidfd_open(pid)
        except ProcessLookupError:
            return

    @property
    def ended(self) -> bool:
        """Whether it is no more."""
        return self._descriptor is None or bool(select.select([self._descriptor], [], [], 0)[0])

    def signal(self, number: int) -> None:
        """Send it a signal; raises ProcessLookupError when it has ended."""
        if self._descriptor is None:
            raise ProcessLookupError(self.pid)
        signal.pidfd_send_signal(self._descriptor, number)

    def wait(self) -> None:
        """Return when it has ended."""
        if self._descriptor is not None:
            select.select([self._descriptor], [], [])
            os.close(self._descriptor)
            self._descriptor = None


class Nursery:
    """Starts `cartulary` processes; they end with it, and it ends with who made it. It imports from now on."""

    def __init__(self, services: Sequence[str], log: Path) -> None:
        environment = {**os.environ, "PYTHONPATH": str(CHECKOUT)}
        with log.open("ab") as words:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "chaos.nursery", *services], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                stderr=words, cwd=CHECKOUT, env=environment,
            )  # fmt: skip
        self._log, self._asking = log, threading.Lock()
        self._read = False

    def start(self, arguments: Sequence[str], environment: Mapping[str, str], log: Path) -> Child:
        """A process of `cartulary` with more environment, its words appended to `log`; raises NurseryFailed."""
        with self._asking:
            if not self._read:
                self._answer(_READY)
                self._read = True
            order = {"arguments": list(arguments), "environment": dict(environment), "log": str(log)}
            if self._process.stdin is None:
                raise NurseryFailed("it takes no orders")
            self._process.stdin.write(orjson.dumps(order) + b"\n")
            self._process.stdin.flush()
            return Child(int(self._answer()))

    def _answer(self, wanted: bytes | None = None) -> bytes:
        said = self._process.stdout.readline() if self._process.stdout is not None else b""
        if not said or wanted not in (None, said):
            raise NurseryFailed(f"it said {said!r}, see {self._log}")
        return said

    def __enter__(self) -> Nursery:
        return self

    def __exit__(self, *_: object) -> None:
        """End it and every process that it started."""
        self._process.kill()
        self._process.communicate()


def main(services: Sequence[str]) -> None:
    """Import, then fork a process an order until there is nobody to order."""
    _end_with_parent()
    for name in (*_SERVING, *(f"services.{service}.app" for service in services)):
        importlib.import_module(name)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # who asked for a process holds it by its descriptor
    gc.freeze()
    os.write(1, _READY)
    while order := sys.stdin.buffer.readline():
        pid = os.fork()
        if pid == 0:
            _serve(**orjson.loads(order))
        os.write(1, b"%d\n" % pid)


def _serve(arguments: list[str], environment: dict[str, str], log: str) -> None:
    _end_with_parent()
    os.environ.update(environment)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    words, nothing = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644), os.open(os.devnull, os.O_RDONLY)
    for held, name in ((nothing, 0), (words, 1), (words, 2)):
        os.dup2(held, name)
    sys.argv = ["cartulary", *arguments]
    importlib.import_module("libs.cli.main").app()


def _end_with_parent() -> None:
    """The kernel ends this process with the one that started it, however that one ends."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL))


if __name__ == "__main__":
    main(sys.argv[1:])
