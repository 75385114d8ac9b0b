"""The fleet under test: a local stack of its own, and every part of each service as a process of its own."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp
import orjson

from chaos.nursery import Child, Nursery
from chaos.people import write_screening_list
from libs.edge.auth import checked_identity
from libs.edge.issuer import LocalIssuer
from libs.ledger.deploy import deploy
from libs.ledger.identity import load_identity
from libs.ledger.port import LedgerIdentity
from libs.stack.addresses import Addresses
from libs.stack.local import LocalStack
from libs.stack.part import until
from libs.stack.places import free_port
from libs.stack.processes import PidFile
from libs.testkit.stack import local_stack

TENANT = "manco-chaos"
FUNDS, INVESTORS = "funds", "investors"
READY_WITHIN_S = 60.0
# The processes of a service with a schema, by the end of their names; those of funds have no other.
_ROLES = {"api": "api", "relay": "relay", "commit": "commit", "react": "react,clock"}
ATTESTING = ("attest-1", "attest-2")
PARTS = ("postgres", "kafka", "ledger", "anvil")
# Events of the log that must not be there whatever was killed.
NEVER = ("decision_void", "lane_halted", "ledger_lies", "decide_failed", "run_set_aside")
_EVENT = re.compile(r'"event": ?"([a-z_]+)"')


class FleetFailed(Exception):
    """A process of the fleet did not come up, or ended by itself; the message names its log."""


def process_name(service: str, part: str) -> str:
    """The name of a service's process: `commit` of funds, `investors-commit` of investors."""
    return part if service == FUNDS else f"{service}-{part}"


def served(services: Sequence[str]) -> dict[str, tuple[str, str]]:
    """Each process's service and roles (`cartulary serve SERVICE --only ROLES`), by its name."""
    own = {process_name(one, part): (one, roles) for one in services for part, roles in _ROLES.items()}
    return own | dict.fromkeys(ATTESTING, ("attestation", "attest"))


# The load is one subject's, and each of its commands has to be decided.
_UNLIMITED = {f"rate_{of}_{what}": 1_000_000 for of in ("subject", "tenant") for what in ("per_s", "burst")}


@dataclass
class Fleet:
    """The processes by name. `block_time_s` is the ledger's; `ports` stay, so that addresses survive a restart."""

    home: Path
    addresses: Addresses
    environment: dict[str, str]
    nursery: Nursery
    services: tuple[str, ...]
    block_time_s: float
    ports: dict[str, int] = field(default_factory=dict)
    running: dict[str, Child] = field(default_factory=dict)
    ended_alone: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.served = served(self.services)
        self.ports = {name: free_port() for name in self.served}

    @property
    def identity(self) -> LedgerIdentity:
        """The deployed ledger."""
        found = load_identity(self.home)
        if found is None:
            raise FleetFailed("no ledger is deployed")
        return found

    def url(self, service: str) -> str:
        """Where a service answers."""
        return f"http://127.0.0.1:{self.ports[process_name(service, 'api')]}/{service}"

    def token(self, sub: str, role: str = "operations") -> str:
        """A token of a caller, good for a day."""
        issuer = LocalIssuer(self.home / "issuer", "cartulary-local", "cartulary")
        claims: dict[str, Any] = {"sub": sub, "role": role, "tenant": TENANT}
        return issuer.token(checked_identity(claims), datetime.now(UTC), 86_400)

    def log(self, name: str) -> Path:
        """The log of a process, all its lives."""
        return self.home / "log" / f"{name}.log"

    def start(self, *names: str) -> None:
        """Start processes; `ready` waits for them."""
        for name in names:
            service, roles = self.served[name]
            where = ["--port", str(self.ports[name]), "--instance", name]
            command = ["serve", service, "--only", roles, *where]
            self.running[name] = self.nursery.start(command, self.environment, self.log(name))

    def pid(self, name: str) -> int | None:
        """The process that has this name at the moment."""
        if name in self.running:
            return self.running[name].pid
        if name == "anvil":
            process = PidFile(self.home / "ledger" / "anvil.pid.json").process()
            return process.pid if process else None
        return LocalStack(self.home).pid(name)

    def kill(self, name: str) -> bool:
        """SIGKILL; False when there is no such process at the moment."""
        process = self.running.get(name)
        if process is not None and process.ended:
            self.ended_alone.append(name)
        try:
            if process is not None:
                process.signal(signal.SIGKILL)
                process.wait()
            elif pid := self.pid(name):
                os.kill(pid, signal.SIGKILL)
            else:
                return False
        except ProcessLookupError:
            return False
        return True

    def pause(self, name: str) -> None:
        """SIGSTOP."""
        self.running[name].signal(signal.SIGSTOP)

    def resume(self, name: str) -> None:
        """SIGCONT."""
        self.running[name].signal(signal.SIGCONT)

    async def ready(self, within_s: float = READY_WITHIN_S) -> None:
        """Wait until every one of them says that it is well; raises FleetFailed with what it says."""
        said: dict[str, str] = {}

        async def well() -> bool:
            for name in self.served:
                if self.running[name].ended:
                    raise FleetFailed(f"{name} ended by itself, see {self.log(name)}")
                said[name] = await self.unwell(name)
            return not any(said.values())

        if not await until(well, within_s, every_s=0.1):
            raise FleetFailed("; ".join(f"{name}: {why}" for name, why in said.items() if why))

    async def unwell(self, name: str) -> str:
        """Why a process is not well; empty when it is."""
        try:
            checks = (await self.health(name))["checks"]
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            return f"does not answer: {error!r}"
        return ", ".join(f"{c['name']} {c['status']}: {c['detail']}" for c in checks if c["status"] != "ok")

    async def health(self, name: str) -> dict[str, Any]:
        """What `/health/ready` of a process says."""
        timeout = aiohttp.ClientTimeout(total=3)
        async with (
            aiohttp.ClientSession(timeout=timeout) as session,
            session.get(f"http://127.0.0.1:{self.ports[name]}/health/ready") as answer,
        ):
            return dict(await answer.json(content_type=None))

    async def held(self, name: str) -> set[int]:
        """The lanes that an attestation instance says it holds; none while it does not answer."""
        try:
            checks = (await self.health(name))["checks"]
        except (aiohttp.ClientError, TimeoutError, OSError):
            return set()
        for check in checks:
            if check["name"] == "attestation attestation" and "lanes [" in check["detail"]:
                return set(orjson.loads(check["detail"].partition("lanes ")[2]))
        return set()

    async def gate_fault(self, **fault: Any) -> None:
        """Order a fault of the gate (libs/stack/faults.py)."""
        call = {"jsonrpc": "2.0", "id": 1, "method": "gate_fault", "params": [fault]}
        async with aiohttp.ClientSession() as session, session.post(self.addresses.ledger, json=call) as answer:
            said = await answer.json(content_type=None)
        if "error" in said:
            raise FleetFailed(f"the gate refused the fault: {said['error']}")

    def said(self) -> Counter[str]:
        """How often each log event was written, over all processes and lives."""
        return Counter(
            name for log in map(self.log, self.served) if log.exists() for name in _EVENT.findall(log.read_text())
        )

    def stop(self) -> None:
        """End every process of the fleet; the stack and the nursery end with their own blocks."""
        for process in self.running.values():
            with suppress(ProcessLookupError):
                process.signal(signal.SIGKILL)
            process.wait()


@asynccontextmanager
async def running_fleet(
    services: Sequence[str] = (FUNDS,), *, lanes: int = 4, block_time_s: float = 0.25, home: Path | None = None,
    **settings: object,
) -> AsyncIterator[Fleet]:  # fmt: skip
    """A fleet that is ready, on a stack of its own; `settings` are those of the processes (`backlog_limit=50`).

    `home` is kept afterwards when it is given. Raises FleetFailed, NurseryFailed.
    """
    kept = os.environ.get("CARTULARY_CHAOS_KEEP")  # a folder: each fleet leaves its logs and its data in there
    with tempfile.TemporaryDirectory(prefix="cartulary-chaos-", ignore_cleanup_errors=True) as folder:
        place = home or Path(tempfile.mkdtemp(prefix="fleet-", dir=kept) if kept else folder)
        place.mkdir(parents=True, exist_ok=True)
        place.chmod(0o711)
        with (
            Nursery([*services, "attestation"], place / "nursery.log") as nursery,
            local_stack(place, block_time_s=block_time_s, faults=True) as addresses,
        ):
            own = {"screening_list": write_screening_list(place)} if INVESTORS in services else {}
            given = {"lanes": lanes, "block_period_ms": round(block_time_s * 1000), **_UNLIMITED, **own, **settings}
            environment = {**addresses.environment(), **{f"CARTULARY_{k.upper()}": str(v) for k, v in given.items()}}
            await deploy([addresses.ledger], place / "keys", place, lanes=lanes, producers=list(services))
            fleet = Fleet(place, addresses, environment, nursery, tuple(services), block_time_s)
            fleet.token("first")  # the issuer's key is there before the processes look for it
            try:
                await asyncio.to_thread(fleet.start, *fleet.served)
                await fleet.ready()
                yield fleet
            finally:
                fleet.stop()
