"""The local stack: starts what is not given by address, watches over it, ends what it started."""

import asyncio
import fcntl
import os
import signal
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from libs.stack.addresses import VARIABLES, Addresses
from libs.stack.clickhouse import clickhouse_answers, clickhouse_dsn
from libs.stack.kafka.node import Kafka, kafka_answers
from libs.stack.ledger import Ledger, ledger_answers
from libs.stack.part import Part, PartFailed
from libs.stack.places import Ports
from libs.stack.postgres import Postgres, postgres_answers
from libs.stack.processes import PidFile
from libs.stack.watch import Watch

PROBES = {
    "postgres": postgres_answers,
    "kafka": kafka_answers,
    "ledger": ledger_answers,
    "clickhouse": clickhouse_answers,
}

# started, given, reused, restarted: (part, what happened, address, seconds since `up` began)
Progress = Callable[[str, str, str, float], None]


class AlreadyUp(Exception):
    """Another process holds this state directory's stack; it is reused, not started again."""


def tell_nobody(part: str, what: str, address: str, seconds: float) -> None:
    """Progress for callers that do not show it."""


@dataclass(frozen=True, slots=True)
class PartStatus:
    """One part as it is now: `pid` is None for a part given by address and for ClickHouse."""

    part: str
    address: str
    pid: int | None
    is_well: bool
    origin: str


@dataclass(slots=True)
class LocalStack:
    """The stack of one state directory. Times in seconds; `faults` lets the gate answer gate_fault.

    Only one process may be `up` on a directory (AlreadyUp); `status`, `addresses` and `down` work from any.
    """

    home: Path
    block_time_s: float = 1.0
    empty_block_time_s: float = 5.0
    faults: bool = False
    progress: Progress = tell_nobody
    _watches: dict[str, Watch] = field(default_factory=dict)
    _lock: int | None = None
    _addresses: Addresses | None = None

    async def up(self) -> Addresses:
        """Starts what has no address and returns when all parts are ready; raises AlreadyUp, PartFailed."""
        self.home = self.home.expanduser().absolute()
        self._take_lock()
        begun = asyncio.get_running_loop().time()

        def tell(part: str, what: str, address: str) -> None:
            self.progress(part, what, address, asyncio.get_running_loop().time() - begun)

        try:
            self._end_orphans()
            addresses = Addresses.given(self.home)
            self._watches = {
                part.name: Watch(part, self._pid_file(part.name), tell)
                for part in self._parts()
                if not addresses.of(part.name)
            }
            async with asyncio.TaskGroup() as group:
                for watch in self._watches.values():
                    group.create_task(watch.start())
                if not addresses.clickhouse:
                    group.create_task(self._check_clickhouse(tell))
                for name in VARIABLES:
                    if addresses.of(name):
                        group.create_task(self._check_given(name, addresses.of(name), tell))
        except asyncio.CancelledError:
            await self.stop()
            raise
        except BaseExceptionGroup as failures:
            await self.stop()
            raise failures.exceptions[0] from None
        for watch in self._watches.values():
            addresses = addresses.with_part(watch.part.name, watch.part.address)
        if not addresses.clickhouse:
            addresses = addresses.with_part("clickhouse", clickhouse_dsn(self.home))
        self._addresses = addresses
        self._write_state(addresses)
        return addresses

    def addresses(self) -> Addresses:
        """Addresses of the running stack, whichever process runs it; raises PartFailed when none does."""
        if self._addresses is not None:
            return self._addresses
        state = self._state()
        if state is None:
            raise PartFailed(f"no stack runs in {self.home}; start one with: cartulary up")
        return Addresses(self.home, **state["addresses"])

    async def status(self) -> list[PartStatus]:
        """Every part, asked now whether it is well; empty when no stack runs."""
        state = self._state()
        if state is None:
            return []
        addresses = self.addresses()
        wells = await asyncio.gather(*(PROBES[name](addresses.of(name)) for name in VARIABLES))
        found = []
        for name, is_well in zip(VARIABLES, wells, strict=True):
            process = self._pid_file(name).process()
            origin = "given" if name in state["given"] else "in process" if name == "clickhouse" else "local"
            found.append(PartStatus(name, addresses.of(name), process.pid if process else None, is_well, origin))
        return found

    async def down(self) -> bool:
        """Ends the stack of this directory, whoever runs it; says whether there was anything to end."""
        if self._lock is not None:
            await self.stop()
            return True
        supervisor = self._pid_file("up")
        was_up = await asyncio.to_thread(supervisor.end, signal.SIGTERM, 60.0)
        return await asyncio.to_thread(self._end_orphans) or was_up

    async def stop(self) -> None:
        """Ends what this process started, all parts at once, and gives the directory free."""
        await asyncio.gather(*(watch.stop() for watch in self._watches.values()))
        self._anvil.end()
        self._watches = {}
        self._addresses = None
        self._state_path.unlink(missing_ok=True)
        self._pid_file("up").remove()
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def pid(self, part: str) -> int | None:
        """The process of a part that runs here; the fault suite kills it."""
        process = self._pid_file(part).process()
        return process.pid if process else None

    @property
    def _state_path(self) -> Path:
        return self.home / "run" / "state.json"

    @property
    def _anvil(self) -> PidFile:
        """The gate's own child, which outlives a gate that is killed."""
        return PidFile(self.home / "ledger" / "anvil.pid.json")

    def _pid_file(self, name: str) -> PidFile:
        return PidFile(self.home / "run" / f"{name}.pid.json")

    def _parts(self) -> list[Part]:
        ports = Ports(self.home / "run" / "ports.json")
        ledger = Ledger(self.home, ports, self.block_time_s, self.empty_block_time_s, self.faults)
        return [Kafka(self.home, ports), Postgres(self.home, ports), ledger]

    def _take_lock(self) -> None:
        self._state_path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self.home / "run" / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            raise AlreadyUp(f"the stack of {self.home} is up already") from None
        self._lock = descriptor
        self._state_path.unlink(missing_ok=True)
        self._pid_file("up").write(os.getpid())

    def _end_orphans(self) -> bool:
        """Ends what a killed `up` left running, each part in its own gentle way."""
        ended = [self._pid_file(part.name).end(part.stop_signal, within_s=20.0) for part in (Kafka, Postgres, Ledger)]
        ended.append(self._anvil.end())
        return any(ended)

    async def _check_clickhouse(self, tell: Callable[[str, str, str], None]) -> None:
        dsn = clickhouse_dsn(self.home)
        if not await clickhouse_answers(dsn):
            raise PartFailed(f"ClickHouse in process does not answer at {dsn}; another process may have it open")
        tell("clickhouse", "in process", dsn)

    @staticmethod
    async def _check_given(name: str, address: str, tell: Callable[[str, str, str], None]) -> None:
        is_well = await PROBES[name](address)
        tell(name, "given" if is_well else "given, does not answer", address)

    def _write_state(self, addresses: Addresses) -> None:
        given = Addresses.given(self.home)
        state = {
            "addresses": {name: addresses.of(name) for name in VARIABLES},
            "given": [name for name in VARIABLES if given.of(name)],
        }
        temporary = self._state_path.with_suffix(".new")
        temporary.touch(mode=0o600)
        temporary.write_bytes(orjson.dumps(state))
        temporary.replace(self._state_path)

    def _state(self) -> dict[str, Any] | None:
        if self._pid_file("up").process() is None or not self._state_path.exists():
            return None
        state: dict[str, Any] = orjson.loads(self._state_path.read_bytes())
        return state
