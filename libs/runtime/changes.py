"""The read table of changes under four eyes, the same in every service."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from libs.kernel.envelope import AttestedEvent
from libs.kernel.events import Event, UnknownEvent
from libs.ports.changes import Change, Projection, Put
from libs.runtime.records import ChangeApproved, ChangeEnded, ChangeProposed


def project_change(event: Event, seen: AttestedEvent) -> Iterable[Change]:
    """A change's row: proposed, approved, ended."""
    data = event.data()
    key = {"change": data["change"]}
    match event:
        case ChangeProposed():
            columns = ("key", "command", "payload", "reads", "proposer", "effective_at", "expires_at")
            # A distributor sees what came from itself only (TA-I-8).
            bound = {"distributor": seen.body["actor"].get("distributor")}
            yield Put("changes", key, {**{name: data[name] for name in columns}, **bound, "status": "proposed"})
        case ChangeApproved():
            yield Put("changes", key, {"approver": data["approver"], "status": "approved"})
        case ChangeEnded():
            yield Put("changes", key, {"status": data["status"], "reason": data["reason"]})
        case _:
            raise UnknownEvent("not an event of a change", field="type", value=seen.type)


CHANGE_PROJECTIONS: Mapping[str, Projection] = dict.fromkeys(
    ("ChangeProposed", "ChangeApproved", "ChangeEnded"), project_change
)
