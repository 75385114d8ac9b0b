"""Read tables of registered accounts, bank accounts and distributors (migrations/001)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from libs.kernel.envelope import AttestedEvent
from libs.kernel.events import Event, UnknownEvent
from libs.messages import investors as messages
from libs.ports.changes import Add, Change, Put
from libs.vault.rows import kept


def of_account(event: messages.AccountEvent, seen: AttestedEvent) -> Iterable[Change]:
    """The changes of accounts, their holders and blocks; raises UnknownEvent."""
    match event:
        case messages.AccountOpened():
            return _opened(event, seen)
        case messages.PayoutAccountSet(bank_account=bank_account):
            return [_account(event, seen, {"payout_account": str(bank_account)})]
        case messages.AccountInstructionsSet(reinvest=reinvest):
            return [_account(event, seen, {"reinvest": reinvest})]
        case messages.AccountBlocked():
            values = {"account": str(event.account), "investor": str(event.investor), "scope": event.scope}
            ground = _sealed(event, seen, "ground", "ground")
            return [_block(event.block, {**values, **ground, "blocked_at": seen.body["time"]})]
        case messages.AccountUnblocked():
            reason = _sealed(event, seen, "reason", "lift_reason")
            return [_block(event.block, {"lifted_at": seen.body["time"], **reason})]
        case messages.AccountClosed(holders=holders):
            return [_account(event, seen, {"status": "closed"}), *_count(holders, -1)]
        case _:
            raise UnknownEvent("no table of accounts knows this event", field="type", value=event.type_name())


def _opened(event: messages.AccountOpened, seen: AttestedEvent) -> Iterable[Change]:
    columns = {"reference", "kind", "signatures", "distributor", "reinvest", "payout_account"}
    values = event.model_dump(mode="json", include=columns)
    place = {"investor": str(event.investor), "status": "open", "opened_at": seen.body["time"]}
    yield _account(event, seen, {**values, **place})
    for position, holder in enumerate(event.holders):
        key = {"account": str(event.account), "investor": str(holder)}
        yield Put("account_holders", key, {"position": position, "distributor": event.distributor})
    yield from _count(event.holders, 1)


def _count(holders: Iterable[UUID], by: int) -> Iterable[Change]:
    """Holders lie in any lane: a sum does not ask which was first (W-19)."""
    return [Add("investors", {"investor": str(holder)}, {"open_accounts": by}) for holder in holders]


def _account(event: messages.AccountEvent, seen: AttestedEvent, values: dict[str, Any]) -> Change:
    return Put("accounts", {"account": str(event.account)}, {**values, "changed_at": seen.body["time"]})


def _block(block: UUID, values: dict[str, Any]) -> Change:
    return Put("account_blocks", {"block": str(block)}, values)


def of_bank_account(event: messages.BankAccountEvent, seen: AttestedEvent) -> Change:
    """The change of a bank account; raises UnknownEvent."""
    return Put("bank_accounts", {"bank_account": str(event.bank_account)}, _bank_values(event, seen))


def _bank_values(event: messages.BankAccountEvent, seen: AttestedEvent) -> dict[str, Any]:
    changed = {"changed_at": seen.body["time"]}
    match event:
        case messages.BankAccountAdded():
            columns = {"country", "currency", "name_match", "match_percent"}
            values = {"investor": str(event.investor), **event.model_dump(mode="json", include=columns)}
            details = _sealed(event, seen, "details", "details")
            return {**values, **details, "status": "added", "added_at": seen.body["time"], **changed}
        case messages.BankAccountVerified(evidence=evidence):
            return {"status": "verified", "evidence": evidence, **changed}
        case messages.BankAccountClosed():
            return {"status": "closed", **changed}
        case _:
            raise UnknownEvent("bank_accounts does not know this event", field="type", value=event.type_name())


def of_distributor(event: messages.DistributorEvent, seen: AttestedEvent) -> Change:
    """The change of a distributor; raises UnknownEvent."""
    time = seen.body["time"]
    match event:
        case messages.DistributorRegistered(code=code):
            values = event.model_dump(mode="json", include={"name", "country", "lei"})
            place = {"id": str(event.distributor), "ended": False, "registered_at": time, "changed_at": time}
            return Put("distributors", {"code": code}, {**values, **place})
        case messages.DistributorEnded(code=code):
            return Put("distributors", {"code": code}, {"ended": True, "changed_at": time})
        case _:
            raise UnknownEvent("distributors does not know this event", field="type", value=event.type_name())


def _sealed(event: Event, seen: AttestedEvent, field: str, column: str) -> dict[str, Any]:
    body = seen.body
    leaf = event.model_dump(mode="json", include={field})[field]
    return {column: kept(leaf, body["type"], body["stream"], body["version"], field)}
