"""The read table of changes under four eyes, the same in every service."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from libs.kernel.envelope import AttestedEvent
from libs.kernel.events import Event, UnknownEvent
from libs.kernel.personal import is_leaf
from libs.ports.changes import Change, Projection, Put
from libs.rules.records import ChangeApproved, ChangeEnded, ChangeProposed
from libs.vault.rows import kept


def project_change(event: Event, seen: AttestedEvent) -> Iterable[Change]:
    """A change's row: proposed, approved, ended."""
    data = event.data()
    key = {"change": data["change"]}
    match event:
        case ChangeProposed():
            columns = ("key", "command", "payload", "reads", "proposer", "effective_at", "expires_at")
            # A distributor sees what came from itself only (TA-I-8).
            bound = {"distributor": seen.body["actor"].get("distributor")}
            values = {name: data[name] for name in columns} | {"payload": _kept(data["payload"], seen, "payload.")}
            yield Put("changes", key, {**values, **bound, "status": "proposed"})
        case ChangeApproved():
            yield Put("changes", key, {"approver": data["approver"], "status": "approved"})
        case ChangeEnded():
            reason = _kept({"reason": data["reason"]}, seen)
            yield Put("changes", key, {"status": data["status"], **reason})
        case _:
            raise UnknownEvent("not an event of a change", field="type", value=seen.type)


def _kept(values: Mapping[str, Any], seen: AttestedEvent, prefix: str = "") -> dict[str, Any]:
    """The values with the personal ones sealed, as every read table keeps them (invariant 6)."""
    version = seen.body["version"]
    return {
        name: kept(value, seen.type, seen.stream, version, f"{prefix}{name}") if is_leaf(value) else value
        for name, value in values.items()
    }


CHANGE_PROJECTIONS: Mapping[str, Projection] = dict.fromkeys(
    ("ChangeProposed", "ChangeApproved", "ChangeEnded"), project_change
)
