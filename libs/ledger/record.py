"""The records of the bus: one batch a record of `cartulary.ledger`, one sealed run a record of `cartulary.intents`.

A batch record is a canonical JSON line with the batch's place, a newline, then the payload as it stands in the calldata
(W-14). Its key is the lane. Trace contexts ride in the header `traceparents`; they never reach the ledger.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import orjson
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from libs.kernel.canonical import canonical
from libs.kernel.envelope import BatchPlace
from libs.kernel.errors import CartularyError
from libs.ledger.codec import signed_message

RECORD_VERSION = 1
TRACES_HEADER = "traceparents"
_HASHES = ("previousHead", "head", "root", "blockHash", "transaction")
_MAX_HEADER_BYTES = 4_096


class MalformedRecord(CartularyError):
    """A record of the bus that is not what its topic holds."""

    code = "malformed-record"


class GapReport(NamedTuple):
    """Attestation asks a relay for everything of this life past decision `have` (W-8)."""

    service: str
    lane: int
    epoch: int
    have: int


def seal_run(key: Ed25519PrivateKey, genesis_head: bytes, blob: bytes) -> bytes:
    """The value of an intents record: the service's signature over the run for this lane, then the run (W-7)."""
    return key.sign(signed_message(genesis_head, blob)) + blob


def lane_key(lane: int) -> bytes:
    """The key of a lane's records."""
    return str(lane).encode()


def encode_record(place: BatchPlace, payload: bytes) -> bytes:
    """The value of a batch's record."""
    header = {
        "v": RECORD_VERSION,
        "lane": place.lane,
        "first": place.first,
        "count": place.count,
        "previousHead": place.previous_head.hex(),
        "head": place.head.hex(),
        "root": place.root.hex(),
        "block": place.block,
        "blockHash": place.block_hash.hex(),
        "blockTime": place.block_time,
        "transaction": place.transaction.hex(),
        "index": place.transaction_index,
    }
    return canonical(header) + b"\n" + payload


def decode_record(value: bytes) -> tuple[BatchPlace, bytes]:
    """Place and payload of a batch's record; raises MalformedRecord. Nothing in it is to be believed (W-15)."""
    end = value.find(b"\n", 0, _MAX_HEADER_BYTES)
    if end < 0:
        raise MalformedRecord("a batch record begins with a line of JSON", field="record")
    try:
        header = orjson.loads(value[:end])
        if header["v"] != RECORD_VERSION:
            raise MalformedRecord("unknown version of a batch record", field="v", value=header["v"])
        numbers = [header[name] for name in ("lane", "first", "count", "block", "blockTime", "index")]
        if not all(type(number) is int and number >= 0 for number in numbers):
            raise MalformedRecord("a number of a batch record is out of range", field="record")
        previous, head, root, block_hash, transaction = (bytes.fromhex(header[name]) for name in _HASHES)
    except (KeyError, TypeError, ValueError) as error:
        raise MalformedRecord(f"not a batch record: {error!r}", field="record") from error
    lane, first, count, block, time, index = numbers
    place = BatchPlace(
        lane, first, count, previous, head, root, block, block_hash, time, transaction, index
    )  # fmt: skip
    return place, value[end + 1 :]


def encode_traces(traces: Mapping[str, str]) -> dict[str, bytes]:
    """The record headers that carry trace contexts: traceparent by decision id; none when there are none."""
    return {TRACES_HEADER: canonical(dict(traces))} if traces else {}


def decode_traces(headers: Mapping[str, bytes]) -> dict[str, str]:
    """The traceparents by decision id; {} for a missing or broken header, since nothing depends on it."""
    try:
        traces = orjson.loads(headers.get(TRACES_HEADER, b"{}"))
    except orjson.JSONDecodeError:
        return {}
    if not isinstance(traces, dict):
        return {}
    return {key: value for key, value in traces.items() if isinstance(value, str)}


def encode_gap(report: GapReport) -> bytes:
    """The value of a record of `cartulary.gaps`."""
    return canonical(report._asdict())


def decode_gap(value: bytes) -> GapReport:
    """The report in such a record; raises MalformedRecord."""
    try:
        wire = orjson.loads(value)
        report = GapReport(wire["service"], wire["lane"], wire["epoch"], wire["have"])
    except (KeyError, TypeError, ValueError) as error:
        raise MalformedRecord(f"not a gap report: {error!r}", field="gap") from error
    if type(report.service) is not str or not all(type(n) is int and n >= 0 for n in report[1:]):
        raise MalformedRecord("a gap report has a service and three numbers", field="gap")
    return report
