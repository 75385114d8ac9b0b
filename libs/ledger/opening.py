"""Opening a batch: from payload and place to attested events, everything recomputed, nothing believed (W-12, W-14)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from enum import StrEnum

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from libs.kernel.envelope import AttestedEvent, BatchPlace
from libs.kernel.errors import CartularyError
from libs.ledger.abi import AttestCall, Mark
from libs.ledger.codec import (
    MalformedRun,
    Run,
    bodies,
    decode_payload,
    decode_run,
    records,
    signed_message,
    split_sealed,
)
from libs.ledger.hashing import HASH_BYTES, extend, leaf, merkle_root, producer_name
from libs.ledger.port import ProducerKey

# What was signed before a key was replaced, and was on its way then, is good for this many blocks more.
GRACE_BLOCKS = 64
_BROKEN = (TypeError, ValueError, KeyError, IndexError)


class Lie(StrEnum):
    """What can be wrong with a batch, a lane, or the database beside it (ledger.md, "verify")."""

    UNREADABLE = "unreadable payload"
    ALTERED_BODY = "altered body"
    MISSING_RECORD = "missing record"
    EXTRA_RECORD = "extra record"
    REORDERED_RECORDS = "reordered records"
    BROKEN_LINK = "broken link"
    WRONG_ROOT = "wrong root"
    WRONG_HEIGHT = "wrong height"
    WRONG_LANE = "wrong lane"
    WRONG_MARK = "wrong mark"
    FOREIGN_SIGNATURE = "foreign signature"
    WRONG_VERSION = "wrong version"
    TIME_WENT_BACK = "time went back"
    REPEATED_ID = "repeated id"
    WRONG_STATE = "wrong state"
    OTHER_LEDGER = "other ledger"
    SHORTER_HISTORY = "shorter history"
    FORKED_HISTORY = "forked history"
    ALTERED_ROW = "altered row"
    ROW_WITHOUT_RECORD = "row without a record"
    RECORD_WITHOUT_ROW = "record without a row"


class BadBatch(CartularyError):
    """A batch that is not what its place on the ledger says; `kind` names the lie."""

    code = "bad-batch"

    def __init__(self, kind: Lie | str, detail: str) -> None:
        self.kind, self.finding = Lie(kind), detail
        super().__init__(f"{self.kind}: {detail}", field="batch", value=self.kind.value)


class ProducerKeys:
    """The Ed25519 keys of the registered producers, each with the blocks in which it is good."""

    def __init__(self, registrations: Iterable[ProducerKey]) -> None:
        self._spans: dict[str, list[tuple[int, int | None, Ed25519PublicKey]]] = {}
        for service, key, block, _ in sorted(registrations, key=lambda r: (r.block, r.log_index)):
            spans = self._spans.setdefault(service, [])
            if spans:
                since, _, older = spans[-1]
                spans[-1] = (since, block, older)
            spans.append((block, None, Ed25519PublicKey.from_public_bytes(key)))

    def __contains__(self, service: str) -> bool:
        return service in self._spans

    def signed(self, sealed: bytes, service: str, genesis_head: bytes, block: int | None) -> bool:
        """Whether a key of the service that is good at this block (the key in force for None) signed the run (W-7)."""
        signature, blob = split_sealed(sealed)
        message = signed_message(genesis_head, blob)
        for since, until, key in reversed(self._spans.get(service, ())):
            good = until is None or (block is not None and block <= until + GRACE_BLOCKS)
            if good and (block is None or since <= block):
                try:
                    key.verify(signature, message)
                except InvalidSignature:
                    continue
                return True
        return False


def marks_of(runs: Sequence[Run]) -> tuple[Mark, ...]:
    """The marks that these runs move, in order of first appearance; a new epoch opens a new mark (W-9)."""
    marks: list[Mark] = []
    latest: dict[str, int] = {}
    for run in runs:
        at = latest.get(run.service)
        if at is not None and marks[at].epoch == run.epoch and marks[at].last + 1 == run.first:
            marks[at] = Mark(marks[at].producer, run.epoch, marks[at].first, run.last)
        else:
            latest[run.service] = len(marks)
            marks.append(Mark(producer_name(run.service), run.epoch, run.first, run.last))
    return tuple(marks)


def open_batch(
    place: BatchPlace,
    payload: bytes,
    *,
    call: AttestCall | None = None,
    keys: ProducerKeys | None = None,
    genesis_head: bytes | None = None,
) -> list[AttestedEvent]:
    """The batch's attested events in ledger order, or BadBatch with the kind of the lie.

    Leaves, head and root are recomputed from the payload and compared with the place, and with the call's lane, first,
    expected head, marks and leaves when the calldata is at hand. Signatures are checked when `keys` and the lane's
    `genesis_head` are given. That `place.previous_head` is the head one knows is the caller's to compare.
    """
    runs = _signed_runs(place, payload, keys, genesis_head)
    try:
        opened = [record for run in runs for record in records(run)]
    except _BROKEN as error:
        raise BadBatch(Lie.UNREADABLE, f"a record of {_where(place)} cannot be rebuilt: {error!r}") from error
    _check_leaves(place, call, runs, [leaf(raw) for raw, _ in opened])
    return [AttestedEvent(raw, body, sequence, place) for sequence, (raw, body) in enumerate(opened, start=place.first)]


def check_batch(
    place: BatchPlace,
    payload: bytes,
    *,
    call: AttestCall | None = None,
    keys: ProducerKeys | None = None,
    genesis_head: bytes | None = None,
) -> list[Run]:
    """The batch's runs after everything that `open_batch` checks, for whoever has no use for its events' bodies."""
    runs = _signed_runs(place, payload, keys, genesis_head)
    try:
        raws = [raw for run in runs for raw in bodies(run)]
    except _BROKEN as error:
        raise BadBatch(Lie.UNREADABLE, f"a record of {_where(place)} cannot be rebuilt: {error!r}") from error
    _check_leaves(place, call, runs, [leaf(raw) for raw in raws])
    return runs


def _signed_runs(place: BatchPlace, payload: bytes, keys: ProducerKeys | None, genesis_head: bytes | None) -> list[Run]:
    sealed, runs = _runs(payload)
    for run in runs:
        if run.lane != place.lane:
            raise BadBatch(Lie.WRONG_LANE, f"a run of lane {run.lane} in a batch of lane {place.lane}")
    if keys is not None and genesis_head is not None:
        _check_signatures(place, sealed, runs, keys, genesis_head)
    return runs


def _check_leaves(place: BatchPlace, call: AttestCall | None, runs: Sequence[Run], leaves: Sequence[bytes]) -> None:
    if call is not None:
        _check_call(place, call, runs, leaves)
    _check_count(place, len(leaves))
    if extend(place.previous_head, leaves) != place.head:
        kind = Lie.ALTERED_BODY if call is None else Lie.BROKEN_LINK
        raise BadBatch(kind, f"the records of {_where(place)} do not lead from the head before it to its head")
    if merkle_root(leaves) != place.root:
        raise BadBatch(Lie.WRONG_ROOT, f"the Merkle root of {_where(place)} is another")


def _runs(payload: bytes) -> tuple[list[bytes], list[Run]]:
    try:
        sealed = decode_payload(payload)
        return sealed, [decode_run(split_sealed(one)[1]) for one in sealed]
    except MalformedRun as error:
        raise BadBatch(Lie.UNREADABLE, error.detail) from error


def _check_signatures(
    place: BatchPlace, sealed: Sequence[bytes], runs: Sequence[Run], keys: ProducerKeys, genesis_head: bytes
) -> None:
    for one, run in zip(sealed, runs, strict=True):
        if not keys.signed(one, run.service, genesis_head, place.block):
            decisions = f"decisions {run.first} to {run.last} of {run.service}"
            raise BadBatch(Lie.FOREIGN_SIGNATURE, f"{decisions} in {_where(place)} are not signed by its key")


def _check_count(place: BatchPlace, count: int) -> None:
    if count != place.count:
        kind = Lie.MISSING_RECORD if count < place.count else Lie.EXTRA_RECORD
        raise BadBatch(kind, f"{_where(place)} counts {place.count} records, its payload holds {count}")


def _check_call(place: BatchPlace, call: AttestCall, runs: Sequence[Run], leaves: Sequence[bytes]) -> None:
    """Hold the calldata against the log, and the payload against the calldata."""
    if (call.lane, call.first) != (place.lane, place.first):
        raise BadBatch(Lie.WRONG_LANE, f"{_where(place)} was called for lane {call.lane} from {call.first}")
    if call.expected_head != place.previous_head:
        raise BadBatch(Lie.BROKEN_LINK, f"{_where(place)} was written on another head than the one before it")
    if len(call.leaves) != HASH_BYTES * place.count:
        raise BadBatch(Lie.WRONG_HEIGHT, f"{_where(place)} counts {place.count} records, its leaves differ")
    _check_count(place, len(leaves))
    if b"".join(leaves) != call.leaves:
        raise _difference(place, call.leaves, leaves)
    if marks_of(runs) != tuple(call.marks):
        raise BadBatch(Lie.WRONG_MARK, f"the marks of {_where(place)} are not those of its runs")


def _difference(place: BatchPlace, packed: bytes, leaves: Sequence[bytes]) -> BadBatch:
    attested = [packed[at : at + HASH_BYTES] for at in range(0, len(packed), HASH_BYTES)]
    if Counter(attested) == Counter(leaves):
        return BadBatch(Lie.REORDERED_RECORDS, f"the records of {_where(place)} stand in another order")
    at = next(i for i, (left, right) in enumerate(zip(attested, leaves, strict=True)) if left != right)
    return BadBatch(Lie.ALTERED_BODY, f"record {place.first + at} of lane {place.lane} is not what was attested")


def _where(place: BatchPlace) -> str:
    return f"batch {place.first} of lane {place.lane} (block {place.block})"
