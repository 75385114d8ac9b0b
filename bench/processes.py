"""The processes of a fleet that a bench measures: one deployed ledger, services served as in production."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import aiohttp

from bench.figure import BenchFailed
from libs.edge.auth import checked_identity
from libs.edge.issuer import LocalIssuer
from libs.ledger.deploy import deploy
from libs.ledger.port import LedgerIdentity
from libs.stack.addresses import Addresses
from libs.stack.part import until
from libs.stack.places import CHECKOUT, free_port

LANES = 4
TENANT = "manco-bench"
# The benches share a ledger and the topics, so that nobody's runs are foreign to another's attestation.
PRODUCERS = ("funds", "investors", "orders")
READY_WITHIN_S = 60.0
# One caller is measured, as fast as it goes.
UNLIMITED = {f"rate_{of}_{what}": 1_000_000 for of in ("subject", "tenant") for what in ("per_s", "burst")}
# The kernel ends a process with the one that started it, however that one ends (PR_SET_PDEATHSIG).
_TIED = "import ctypes; ctypes.CDLL(None).prctl(1, 9); "
_CARTULARY = _TIED + "from libs.cli.main import app; app()"


@dataclass
class Processes:
    """What a bench started; `identity` is the ledger that all of them use."""

    stack: Addresses
    identity: LedgerIdentity
    running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def environment(self, **settings: object) -> dict[str, str]:
        """What a process of ours is given."""
        given = {"lanes": LANES, "log_level": "warning", **UNLIMITED, **settings}
        named = {f"CARTULARY_{name.upper()}": str(value) for name, value in given.items()}
        return {**os.environ, **self.stack.environment(), **named, "PYTHONPATH": str(CHECKOUT)}

    def start(self, name: str, words: Sequence[str], *, piped: bool = False, **settings: str | float) -> None:
        """A Python process under this name; its log is `<home>/log/bench-<name>.log`. `piped`: one can talk to it."""
        stdin, stdout = (subprocess.PIPE, subprocess.PIPE) if piped else (subprocess.DEVNULL, None)
        with (self.stack.home / "log" / f"bench-{name}.log").open("ab") as log:
            self.running[name] = subprocess.Popen(
                [sys.executable, *words], stdin=stdin, stdout=stdout or log, stderr=log, cwd=CHECKOUT,
                env=self.environment(**settings),
            )  # fmt: skip

    async def serve(self, service: str, *, name: str | None = None, **settings: str | float) -> str:
        """`cartulary serve` of one service, as `name` where it has several processes; its address, when it is ready."""
        port, known = free_port(), name or service
        self.run(known, ["serve", service, "--port", str(port)], **settings)
        address = f"http://127.0.0.1:{port}"
        if not await until(lambda: self._is_well(known, address), READY_WITHIN_S, every_s=0.1):
            raise BenchFailed(f"{known} was not ready within {READY_WITHIN_S:.0f} s{self.last_words(known)}")
        return address

    def run(self, name: str, words: Sequence[str], **settings: str | float) -> None:
        """`cartulary` with these words, as a process under this name."""
        self.start(name, ["-c", _CARTULARY, *words], piped=False, **settings)

    async def _is_well(self, service: str, address: str) -> bool:
        self.look(service)
        try:
            async with aiohttp.ClientSession() as session, session.get(f"{address}/health/ready") as answer:
                checks = (await answer.json(content_type=None))["checks"]
        except (aiohttp.ClientError, OSError, ValueError):
            return False
        return all(check["status"] == "ok" for check in checks)

    def look(self, name: str) -> None:
        """Raise BenchFailed when the process has ended."""
        if self.running[name].poll() is not None:
            raise BenchFailed(f"{name} ended with code {self.running[name].returncode}{self.last_words(name)}")

    def last_words(self, name: str) -> str:
        """The end of a process's log, for a failure's row."""
        said = (self.stack.home / "log" / f"bench-{name}.log").read_text().strip()
        return f": {said[-400:]}" if said else ""

    def token(self, sub: str) -> str:
        """A token of a caller, good for a day."""
        issuer = LocalIssuer(self.stack.home / "issuer", "cartulary-local", "cartulary")
        claims: dict[str, Any] = {"sub": sub, "role": "operations", "tenant": TENANT}
        return issuer.token(checked_identity(claims), datetime.now(UTC), 86_400)

    async def stop(self) -> None:
        """End every process, gracefully."""
        for process in self.running.values():
            if process.stdin is None:
                process.terminate()
            else:
                process.stdin.close()
        for process in self.running.values():
            try:
                await asyncio.to_thread(process.wait, 30)
            except subprocess.TimeoutExpired:
                process.kill()
                await asyncio.to_thread(process.wait)


@asynccontextmanager
async def processes(stack: Addresses) -> AsyncIterator[Processes]:
    """Nothing runs yet but the ledger is deployed; whatever is started ends with the block."""
    keystore = stack.home / "keys"
    identity = await deploy(stack.ledger.split(","), keystore, stack.home, lanes=LANES, producers=list(PRODUCERS))
    fleet = Processes(stack, identity)
    fleet.token("first")  # the issuer's key is there before a process looks for it
    try:
        yield fleet
    finally:
        await fleet.stop()
