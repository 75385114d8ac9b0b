"""F-1: the share class and its initial offer, given, when, then."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from libs.kernel.errors import InvalidValue
from libs.kernel.events import Claim, Due
from libs.messages.funds import (
    InitialOfferClosed,
    InitialOfferEnded,
    InitialOfferExtended,
    InitialOfferOpened,
    ShareClassAdded,
    ShareClassClosed,
    ShareClassDrafted,
    ShareClassOpened,
    ShareClassRemoved,
    ShareClassReopened,
    ShareClassResumed,
    ShareClassSoftClosed,
    ShareClassSuspended,
    ShareClassTermsAmended,
)
from services.funds.domain import refusals
from services.funds.tests.examples import (
    DECIDER,
    ISIN,
    NOW,
    OFFER,
    OFFER_END,
    SHARE_CLASS,
    SUB_FUND,
    TERMS,
    UMBRELLA,
    after,
    command,
    draft_share_class,
    offer,
    register_umbrella,
    terms,
    with_draft,
    with_offer,
    with_open_class,
    with_sub_fund,
)

IDS = {"umbrella": UMBRELLA, "sub_fund": SUB_FUND, "share_class": SHARE_CLASS}
END = command("EndInitialOffer", now=OFFER_END, closes_at=OFFER_END)


def close_offer(raised: str) -> Any:
    return command("CloseInitialOffer", now=OFFER_END, raised=raised)


# --- Draft and terms


def test_f1_a_class_is_drafted_in_its_sub_fund() -> None:
    drafted = ShareClassDrafted(**IDS, isin=ISIN, terms=terms())
    with_sub_fund().when(draft_share_class()).then(drafted, ShareClassAdded(**IDS))
    after(register_umbrella()).when(draft_share_class()).then_refused(refusals.SubFundUnknown)


def test_f1_a_class_is_drafted_once() -> None:
    with_draft().when(draft_share_class()).then_nothing()
    with_draft().when(draft_share_class(name="B")).then_refused(refusals.ShareClassExists)


def test_w4_an_isin_is_claimed_by_one_class() -> None:
    assert ShareClassDrafted(**IDS, isin=ISIN, terms=terms()).claims() == (Claim("isin", ISIN),)


@pytest.mark.parametrize("isin", ["LU0323134007", "LU032313400", "lu0323134006", "ZZ0323134006", " LU0323134006", ""])
def test_f1_an_isin_has_its_check_digit(isin: str) -> None:
    with pytest.raises(InvalidValue, match="check digit") as refusal:
        command("DraftShareClass", isin=isin, terms=TERMS)
    assert (refusal.value.field, refusal.value.value) == ("isin", isin)


BAD_TERMS: list[tuple[str, dict[str, Any], str]] = [
    ("finer than a cent", {"minimum_first": "1000.005"}, "terms.minimum_first"),
    ("a yen has no decimals", {"currency": "JPY", "minimum_holding": "100.5"}, "terms.minimum_holding"),
    ("tolerance finer than a cent", {"payment": {**TERMS["payment"], "tolerance": "0.001"}}, "terms.payment"),
    ("a float", {"minimum_first": 1000.5}, "terms.minimum_first"),
    ("not a number", {"minimum_first": "NaN"}, "terms.minimum_first"),
    ("below zero", {"minimum_next": "-1"}, "terms.minimum_next"),
    ("beyond all amounts", {"minimum_next": "1E+30"}, "terms.minimum_next"),
    ("a fee of everything", {"entry_fee": {"rate": "1", "base": "gross"}}, "terms.entry_fee.rate"),
    ("nobody may invest", {"investor_types": []}, "terms.investor_types"),
    ("units rounded up on issue", {"rounding": {"units_issued": "UP"}}, "terms.rounding.units_issued"),
    ("no such rule", {"income": "compounding"}, "terms.income"),
]  # fmt: skip


@pytest.mark.parametrize(("bad", "field"), [b[1:] for b in BAD_TERMS], ids=[b[0] for b in BAD_TERMS])
def test_f1_terms_that_can_never_be_right_are_named(bad: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidValue) as refusal:
        draft_share_class(**bad)
    assert refusal.value.field == field


UNKNOWN_TERMS: list[tuple[dict[str, Any], str]] = [
    ({"currency": "XXQ"}, "terms.currency"),
    ({"countries": ["LU", "UK"]}, "terms.countries.1"),
    ({"settlement": {**TERMS["settlement"], "currency_holidays": "financial:NOPE"}},
     "terms.settlement.currency_holidays"),
]  # fmt: skip


@pytest.mark.parametrize(("bad", "field"), UNKNOWN_TERMS, ids=[field for _, field in UNKNOWN_TERMS])
def test_f1_terms_that_name_what_does_not_exist_are_refused(bad: dict[str, Any], field: str) -> None:
    with_sub_fund().when(draft_share_class(**bad)).then_refused(InvalidValue, field)


def test_f1_equal_terms_are_one_value_however_they_are_written() -> None:
    assert terms(minimum_first="1E+3", countries=["DE", "LU", "DE"]) == terms(minimum_first="1000.00")
    assert terms(minimum_first="1E+3").model_dump(mode="json")["minimum_first"] == "1000"


def test_f1_terms_of_a_class_are_amended() -> None:
    amend = command("AmendShareClassTerms", terms={**TERMS, "minimum_first": "5000"})
    amended = ShareClassTermsAmended(**IDS, terms=terms(minimum_first="5000"))
    with_open_class().when(amend).then(amended).when(amend).then_nothing()


def test_f1_currency_and_unit_decimals_are_fixed_after_draft() -> None:
    for change in ({"currency": "USD"}, {"unit_decimals": 3}):
        amend = command("AmendShareClassTerms", terms={**TERMS, **change})
        with_draft().when(amend).then(ShareClassTermsAmended(**IDS, terms=terms(**change)))
        with_offer().when(amend).then_refused(refusals.TermIsFixed, f"terms.{next(iter(change))}")


def test_f1_terms_of_a_closed_class_stay() -> None:
    close = command("CloseShareClass", reason="merger")
    amend = command("AmendShareClassTerms", terms={**TERMS, "name": "B"})
    with_open_class(close).when(amend).then_refused(refusals.StatusForbids)


def test_f1_terms_cannot_become_coarser_than_the_running_offers_price() -> None:
    amend = command("AmendShareClassTerms", terms={**TERMS, "price_decimals": 0})
    with_offer(price="100.25").when(amend).then_refused(InvalidValue, "terms.price_decimals")
    with_offer(price="100").when(amend).then(ShareClassTermsAmended(**IDS, terms=terms(price_decimals=0)))


# --- Initial offer


def test_f1_an_initial_offer_opens_and_its_end_falls_due() -> None:
    """W-25: the due work names the command and carries its fields."""
    opened = InitialOfferOpened(**IDS, offer=offer())
    open_it = command("OpenInitialOffer", offer=OFFER)
    with_draft().when(open_it).then(opened).when(open_it).then_nothing()
    (due,) = opened.due()
    assert (due.kind, due.at) == ("EndInitialOffer", OFFER_END)
    assert DECIDER.commands[due.kind].model_validate({**due.payload, "now": due.at}) == END


BAD_OFFERS: list[tuple[str, dict[str, Any], type[Any], str]] = [
    ("ends now", {"closes_at": NOW.isoformat()}, refusals.OfferPeriodIsPast, "offer.closes_at"),
    ("price too fine", {"price": "100.00005"}, InvalidValue, "offer.price"),
    ("minimum too fine", {"minimum_raise": "0.001"}, InvalidValue, "offer.minimum_raise"),
]


@pytest.mark.parametrize(("bad", "error", "field"), [b[1:] for b in BAD_OFFERS], ids=[b[0] for b in BAD_OFFERS])
def test_f1_a_bad_offer_is_refused(bad: dict[str, Any], error: type[Any], field: str) -> None:
    with_draft().when(command("OpenInitialOffer", offer={**OFFER, **bad})).then_refused(error, field)


def test_f1_no_offer_opens_in_a_suspended_sub_fund() -> None:
    suspend = command("SuspendSubFund", reason="merger")
    with_draft(suspend).when(command("OpenInitialOffer", offer=OFFER)).then_refused(refusals.SubFundIsSuspended)


def test_f1_an_offer_without_a_minimum_opens_the_class_when_it_ends() -> None:
    closed = InitialOfferClosed(**IDS, outcome="succeeded", raised=None, refund=None)
    ended = with_offer(minimum_raise=None).when(END)
    ended.then(InitialOfferEnded(**IDS), closed, ShareClassOpened(**IDS)).when(END).then_nothing()


def test_f1_an_offer_that_raised_the_minimum_opens_the_class() -> None:
    closed = InitialOfferClosed(**IDS, outcome="succeeded", raised=Decimal(5000000), refund=None)
    opened = with_offer(END).when(close_offer("5000000")).then(closed, ShareClassOpened(**IDS))
    opened.when(close_offer("5000000")).then_nothing()
    opened.when(close_offer("6000000")).then_refused(refusals.StatusForbids)


def test_f1_an_offer_that_missed_the_minimum_refunds_and_closes_the_class() -> None:
    raised = Decimal("4999999.99")
    failed = InitialOfferClosed(**IDS, outcome="failed", raised=raised, refund=raised)
    over = ShareClassClosed.model_validate({**IDS, "reason": "never_opened"})
    with_offer(END).when(close_offer("4999999.99")).then(failed, over, ShareClassRemoved(**IDS))


def test_f1_the_outcome_waits_for_the_end_of_the_period() -> None:
    with_offer().when(close_offer("6000000")).then_refused(refusals.OfferStillRuns)
    early = command("EndInitialOffer", now=OFFER_END - timedelta(microseconds=1), closes_at=OFFER_END)
    with_offer().when(early).then_refused(refusals.OfferStillRuns)


def test_f1_an_extended_offer_ends_at_its_new_end_only() -> None:
    later = OFFER_END + timedelta(days=7)
    extend = command("ExtendInitialOffer", closes_at=later)
    extended = InitialOfferExtended(**IDS, closes_at=later)
    past = with_offer().when(extend).then(extended)
    past.when(extend).then_nothing()
    past.when(END).then_nothing()
    assert extended.due()[0] == Due("EndInitialOffer", later, extended.due()[0].payload)
    past.when(command("EndInitialOffer", now=later, closes_at=later)).then(InitialOfferEnded(**IDS))


def test_f1_an_offer_is_extended_while_it_runs_and_never_shortened() -> None:
    later = OFFER_END + timedelta(days=7)
    too_late = command("ExtendInitialOffer", now=OFFER_END, closes_at=later)
    with_offer().when(too_late).then_refused(refusals.OfferPeriodIsPast)
    shorter = command("ExtendInitialOffer", closes_at=OFFER_END - timedelta(days=1))
    with_offer().when(shorter).then_refused(refusals.OfferPeriodIsPast)
    with_offer(END).when(command("ExtendInitialOffer", closes_at=later)).then_refused(refusals.StatusForbids)


# --- Open, soft-closed, suspended, closed


def test_f1_an_open_class_soft_closes_and_reopens() -> None:
    soft_close = command("SoftCloseShareClass", existing_holders_may_subscribe=True)
    soft_closed = ShareClassSoftClosed(**IDS, existing_holders_may_subscribe=True)
    past = with_open_class().when(soft_close).then(soft_closed)
    past.when(soft_close).then_nothing()
    past.when(command("SuspendShareClass", reason="merger")).then_refused(refusals.StatusForbids)
    past.when(command("ReopenShareClass")).then(ShareClassReopened(**IDS))


def test_f1_an_open_class_is_suspended_and_resumed() -> None:
    suspend = command("SuspendShareClass", reason="valuation_impossible")
    suspended = ShareClassSuspended.model_validate({**IDS, "reason": "valuation_impossible"})
    past = with_open_class().when(suspend).then(suspended)
    past.when(suspend).then_nothing()
    past.when(command("SuspendShareClass", reason="merger")).then_refused(refusals.StatusForbids, "status")
    past.when(command("ResumeShareClass")).then(ShareClassResumed(**IDS))


def test_f1_a_class_closes_but_not_out_of_its_offer() -> None:
    close = command("CloseShareClass", reason="liquidation")
    with_offer().when(close).then_refused(refusals.StatusForbids)
    closed = ShareClassClosed.model_validate({**IDS, "reason": "liquidation"})
    past = with_open_class().when(close).then(closed, ShareClassRemoved(**IDS))
    past.when(close).then_nothing()
    past.when(command("CloseShareClass", reason="merger")).then_refused(refusals.StatusForbids)


@pytest.mark.parametrize("name", ["ResumeShareClass", "ReopenShareClass"])
def test_f1_a_draft_leads_nowhere_but_to_its_offer(name: str) -> None:
    with_draft().when(command(name)).then_refused(refusals.StatusForbids)
    with_sub_fund().when(command(name)).then_refused(refusals.ShareClassUnknown)


def test_f1_each_way_back_to_open_has_its_own_command() -> None:
    soft_closed = with_open_class(command("SoftCloseShareClass", existing_holders_may_subscribe=False))
    soft_closed.when(command("ResumeShareClass")).then_refused(refusals.StatusForbids)
    suspended = with_open_class(command("SuspendShareClass", reason="merger"))
    suspended.when(command("ReopenShareClass")).then_refused(refusals.StatusForbids)
