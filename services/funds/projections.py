"""Read tables of funds from its attested events: umbrellas, sub_funds, share_classes (migrations/001)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from libs.kernel.envelope import AttestedEvent
from libs.kernel.events import Event, UnknownEvent
from libs.messages import funds
from libs.messages.fund_values import DealingCalendar, LiquidityTools, ShareClassTerms
from libs.ports.changes import Change, Put


def project(event: Event, seen: AttestedEvent) -> Iterable[Change]:
    """The changes of the read tables; the events of a row all lie in one lane (W-19)."""
    if isinstance(event, funds.ShareClassEvent):
        return [_share_class(event, seen)]
    if isinstance(event, funds.ShareClassAdded | funds.ShareClassRemoved):
        return []  # share_classes has them already
    if isinstance(event, funds.SubFundEvent):
        return [_sub_fund(event, seen)]
    if isinstance(event, funds.UmbrellaRegistered):
        return [_umbrella(event, seen)]
    raise UnknownEvent("no read table of funds knows this event", field="type", value=event.type_name())


def _umbrella(event: funds.UmbrellaRegistered, seen: AttestedEvent) -> Change:
    values = event.model_dump(mode="json", exclude={"umbrella"})
    return Put("umbrellas", {"umbrella": str(event.umbrella)}, values | _registered(seen))


def _sub_fund(event: funds.SubFundEvent, seen: AttestedEvent) -> Change:
    values = _sub_fund_values(event, seen) | _changed(seen)
    return Put("sub_funds", {"sub_fund": str(event.sub_fund)}, values)


def _sub_fund_values(event: funds.SubFundEvent, seen: AttestedEvent) -> dict[str, Any]:
    match event:
        case funds.SubFundRegistered(calendar=calendar, tools=tools):
            plain = event.model_dump(mode="json", exclude={"sub_fund", "calendar", "tools"})
            standing = {"status": "dealing", "reason": None}
            return plain | _calendar(calendar) | _tools(tools) | standing | _registered(seen)
        case funds.SubFundRenamed(name=name):
            return {"name": name}
        case funds.DealingCalendarSet(calendar=calendar):
            return _calendar(calendar)
        case funds.LiquidityToolsSet(tools=tools):
            return _tools(tools)
        case funds.SubFundSuspended(reason=suspension):
            return {"status": "suspended", "reason": suspension.value}
        case funds.SubFundResumed():
            return {"status": "dealing", "reason": None}
        case funds.SubFundClosed(reason=closure):
            return {"status": "closed", "reason": closure.value}
        case _:
            raise UnknownEvent("sub_funds does not know this event", field="type", value=event.type_name())


def _share_class(event: funds.ShareClassEvent, seen: AttestedEvent) -> Change:
    values = _share_class_values(event, seen) | _changed(seen)
    return Put("share_classes", {"share_class": str(event.share_class)}, values)


def _share_class_values(event: funds.ShareClassEvent, seen: AttestedEvent) -> dict[str, Any]:
    match event:
        case funds.ShareClassDrafted(isin=isin, terms=terms):
            place = {"umbrella": str(event.umbrella), "sub_fund": str(event.sub_fund), "isin": isin}
            return place | _terms(terms) | _status("draft") | _registered(seen)
        case funds.ShareClassTermsAmended(terms=terms):
            return _terms(terms)
        case funds.InitialOfferOpened(offer=offer):
            return _status("initial_offer") | {
                "offer_price": str(offer.price),
                "offer_closes_at": offer.closes_at.isoformat(),
                "offer_minimum_raise": None if offer.minimum_raise is None else str(offer.minimum_raise),
            }
        case funds.InitialOfferExtended(closes_at=closes_at):
            return {"offer_closes_at": closes_at.isoformat()}
        case funds.InitialOfferClosed(outcome=outcome, raised=raised):
            return {"offer_outcome": outcome, "offer_raised": None if raised is None else str(raised)}
        case _:
            return _status_after(event)


def _status_after(event: funds.ShareClassEvent) -> dict[str, Any]:
    match event:
        case funds.InitialOfferEnded():
            return _status("initial_offer_ended")
        case funds.ShareClassOpened() | funds.ShareClassReopened() | funds.ShareClassResumed():
            return _status("open")
        case funds.ShareClassSoftClosed(existing_holders_may_subscribe=may):
            return _status("soft_closed") | {"existing_holders_may_subscribe": may}
        case funds.ShareClassSuspended(reason=suspension):
            return _status("suspended", suspension.value)
        case funds.ShareClassClosed(reason=closure):
            return _status("closed", closure.value)
        case _:
            raise UnknownEvent("share_classes does not know this event", field="type", value=event.type_name())


def _status(status: str, reason: str | None = None) -> dict[str, Any]:
    return {"status": status, "reason": reason, "existing_holders_may_subscribe": None}


def _terms(terms: ShareClassTerms) -> dict[str, Any]:
    """The columns that queries filter by, and the whole."""
    return {
        "name": terms.name,
        "currency": terms.currency,
        "income": terms.income,
        "price_type": terms.price_type,
        "unit_decimals": terms.unit_decimals,
        "price_decimals": terms.price_decimals,
        "investor_types": list(terms.investor_types),
        "countries": list(terms.countries),
        "terms": terms.model_dump(mode="json"),
    }


def _calendar(calendar: DealingCalendar) -> dict[str, Any]:
    return {"frequency": calendar.frequency.kind, "calendar": calendar.model_dump(mode="json")}


def _tools(tools: LiquidityTools) -> dict[str, Any]:
    return {"tools": tools.model_dump(mode="json")}


def _registered(seen: AttestedEvent) -> dict[str, Any]:
    return {"registered_at": seen.body["time"], "changed_at": seen.body["time"]}


def _changed(seen: AttestedEvent) -> dict[str, Any]:
    return {"changed_at": seen.body["time"]}
