"""Building batches from sealed runs: whole runs only, closed by count, bytes or age (ledger.md, "Attesting")."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field

from libs.kernel.errors import CartularyError
from libs.ledger import abi
from libs.ledger.codec import Run, bodies, encode_payload
from libs.ledger.hashing import HASH_BYTES, extend, leaf
from libs.ledger.opening import marks_of

CONTRACT_MAX_EVENTS = 4_096
# What a transaction may have at all: far below a block of 64M gas (4 MB of calldata) and the default RPC body of 5 MB,
# of which hex takes two bytes a byte (quirks 4 and 5).
MAX_TRANSACTION_BYTES = 1_000_000
_CALL_BYTES = 1_024
# Gas: a transaction, a calldata byte that is zero or is not (EIP-2028), then bounds of what the contract does (measured
# by its own tests with room to spare) per call, per mark (two storage slots) and per leaf (head, node, memory).
_GAS_TRANSACTION = 21_000
_GAS_ZERO, _GAS_NONZERO = 4, 16
_GAS_CALL, _GAS_MARK, _GAS_LEAF = 150_000, 60_000, 400


class RunTooLarge(CartularyError):
    """A run that no batch can hold (W-13)."""

    code = "run-too-large"


@dataclass(frozen=True, slots=True)
class SealedRun:
    """A verified run on its way: its verbatim bytes, its leaves, where and when (monotonic seconds) it was read."""

    sealed: bytes
    run: Run
    leaves: tuple[bytes, ...]
    offset: int = 0
    read_at: float = 0.0
    traces: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class BatchLimits:
    """When a batch closes: events, bytes of its transaction, age of its oldest run; whichever comes first."""

    events: int = 2_000
    transaction_bytes: int = 400_000
    age_s: float = 0.03


@dataclass(frozen=True, slots=True)
class Batch:
    """A batch ready to be signed: the calldata, a bound of its gas, and the lane's state behind it."""

    first: int
    count: int
    previous_head: bytes
    head: bytes
    calldata: bytes
    gas: int
    runs: tuple[SealedRun, ...]

    @property
    def next(self) -> int:
        """The lane's next sequence number behind this batch."""
        return self.first + self.count


def gas_bound(calldata: bytes, marks: int, leaves: int) -> int:
    """A gas limit that `attest` cannot exceed: exact for the calldata, bounded for the rest."""
    zeros = calldata.count(0)
    data = _GAS_ZERO * zeros + _GAS_NONZERO * (len(calldata) - zeros)
    return _GAS_TRANSACTION + data + _GAS_CALL + _GAS_MARK * marks + _GAS_LEAF * leaves


def hashed(sealed: bytes, run: Run, *, offset: int = 0, read_at: float = 0.0,
           traces: Mapping[str, str] | None = None) -> SealedRun:  # fmt: skip
    """A decoded run with its leaves computed."""
    leaves = tuple([leaf(raw) for raw in bodies(run)])
    return SealedRun(sealed, run, leaves, offset, read_at, traces or {})


class BatchBuilder:
    """Collects a lane's runs in order and cuts batches off their front."""

    def __init__(self, limits: BatchLimits) -> None:
        self.limits = limits
        self._runs: deque[SealedRun] = deque()
        self._events = 0
        self._bytes = 0
        self._ratio = 0.5  # compressed size to plain size, learnt from the batches built

    def __len__(self) -> int:
        """How many events wait."""
        return self._events

    def add(self, run: SealedRun) -> None:
        """Append a run; raises RunTooLarge for one that no batch can hold (W-13)."""
        if len(run.leaves) > CONTRACT_MAX_EVENTS:
            raise RunTooLarge(f"a batch holds {CONTRACT_MAX_EVENTS} events", field="events", value=len(run.leaves))
        if len(run.sealed) + HASH_BYTES * len(run.leaves) > MAX_TRANSACTION_BYTES - _CALL_BYTES:
            alone = len(encode_payload([run.sealed])) + HASH_BYTES * len(run.leaves)
            if alone > MAX_TRANSACTION_BYTES - _CALL_BYTES:
                raise RunTooLarge(f"a transaction holds {MAX_TRANSACTION_BYTES} bytes", field="bytes", value=alone)
        self._runs.append(run)
        self._events += len(run.leaves)
        self._bytes += len(run.sealed)

    def offsets(self) -> list[int]:
        """The bus offsets of the runs that wait."""
        return [run.offset for run in self._runs]

    def due(self, now: float) -> bool:
        """Whether a batch closes at this monotonic time."""
        if not self._runs:
            return False
        size = _CALL_BYTES + HASH_BYTES * self._events + self._ratio * self._bytes
        return (
            self._events >= self.limits.events
            or size >= self.limits.transaction_bytes
            or now - self._runs[0].read_at >= self.limits.age_s
        )

    def build(self, lane: int, first: int, head: bytes) -> Batch:
        """The next batch of the lane, cut off the front of what waits; at least one run must wait."""
        runs = self._cut()
        payload = encode_payload(run.sealed for run in runs)
        leaves = [one for run in runs for one in run.leaves]
        plain = sum(len(run.sealed) for run in runs)
        self._ratio = len(payload) / plain
        if len(runs) > 1 and _CALL_BYTES + HASH_BYTES * len(leaves) + len(payload) > self.limits.transaction_bytes:
            return self.build(lane, first, head)  # compressed worse than those before: cut again with what was learnt
        for _ in runs:
            self._runs.popleft()
        self._events -= len(leaves)
        self._bytes -= plain
        marks = marks_of([run.run for run in runs])
        calldata = abi.encode_attest(abi.AttestCall(lane, first, head, marks, b"".join(leaves), payload))
        gas = gas_bound(calldata, len(marks), len(leaves))
        return Batch(first, len(leaves), head, extend(head, leaves), calldata, gas, tuple(runs))

    def _cut(self) -> list[SealedRun]:
        """The longest front that keeps the limits by what is known of compression; one run at least."""
        runs: list[SealedRun] = []
        events, size = 0, float(_CALL_BYTES)
        for run in self._runs:
            events += len(run.leaves)
            size += HASH_BYTES * len(run.leaves) + self._ratio * len(run.sealed)
            if runs and (events > self.limits.events or size > self.limits.transaction_bytes):
                break
            runs.append(run)
        return runs
