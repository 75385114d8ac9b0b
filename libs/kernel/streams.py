"""Stream names and lanes (W-2)."""

from __future__ import annotations

from sha3 import keccak_256

from libs.kernel.errors import InvalidValue

STREAM_PARTS = 4
_LANE_PARTS = 3
_LANE_STREAMS = ("epoch", "cursor")


def stream_name(service: str, key: object, aggregate: str, identity: object) -> str:
    """`<service>/<key>/<aggregate>/<id>`; raises InvalidValue when a part is empty or holds a slash."""
    parts = (service, str(key), aggregate, str(identity))
    for part in parts:
        if not part or "/" in part:
            raise InvalidValue("a part of a stream name is empty or holds a slash", field="stream", value=part)
    return "/".join(parts)


def lane_stream(service: str, lane: int, kind: str) -> str:
    """`<service>/<lane>/epoch` or `/cursor`: it lies in the lane that it names (W-2)."""
    return f"{service}/{lane}/{kind}"


def key_of(stream: str) -> str:
    """The lane key of a stream; raises InvalidValue for another form."""
    parts = stream.split("/")
    if len(parts) == STREAM_PARTS or (len(parts) == _LANE_PARTS and parts[2] in _LANE_STREAMS):
        return parts[1]
    raise InvalidValue("not a stream name", field="stream", value=stream)


def lane_of(key: str, lanes: int) -> int:
    """The lane of a key: the first 8 bytes of keccak256(key) modulo the number of lanes (W-2)."""
    return int.from_bytes(keccak_256(key.encode()).digest()[:8], "big") % lanes


def lane_of_stream(stream: str, lanes: int) -> int:
    """The lane of a stream; raises InvalidValue for another form or a lane that does not exist."""
    parts = stream.split("/")
    if len(parts) == _LANE_PARTS and parts[2] in _LANE_STREAMS:
        if parts[1].isdecimal() and int(parts[1]) < lanes:
            return int(parts[1])
        raise InvalidValue(f"there are {lanes} lanes", field="stream", value=stream)
    return lane_of(key_of(stream), lanes)
