"""Time: UTC always, injected always, microseconds on the wire."""

from __future__ import annotations

from datetime import UTC, datetime

from libs.kernel.errors import InvalidValue

_WIRE_CHARS = len("2026-01-05T09:00:00.000000")


def to_wire(moment: datetime) -> str:
    """RFC 3339 in UTC with six decimals and `Z`; raises InvalidValue for a naive time."""
    if moment.tzinfo is None:
        raise InvalidValue("a time needs a time zone", field="time", value=moment.isoformat())
    return moment.astimezone(UTC).isoformat(timespec="microseconds")[:_WIRE_CHARS] + "Z"


def from_wire(text: str) -> datetime:
    """The UTC time that `to_wire` wrote; raises InvalidValue for any other form."""
    try:
        return datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC)
    except ValueError as error:
        raise InvalidValue("not an RFC 3339 UTC time with microseconds", field="time", value=text) from error
