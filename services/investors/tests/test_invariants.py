"""The numbered invariants of the README, each as a property over random histories."""

from __future__ import annotations

from typing import Any

from hypothesis import given as forall
from hypothesis import settings
from hypothesis import strategies as st

from libs.kernel.decider import Command
from libs.kernel.errors import CartularyError, InvalidValue, Refused
from libs.kernel.events import Event
from libs.kernel.personal import is_leaf
from libs.messages import investors as published
from libs.testkit.given import Given
from services.investors.domain.bank_account import STRONG_EVIDENCE
from services.investors.domain.erasure import BEFORE_RETENTION_IS_OVER
from services.investors.tests.examples import (
    ADDRESS,
    BANK,
    DECIDER,
    GROUND,
    HIT,
    MISMATCH,
    OTHER_BANK,
    PERSON,
    TAX_IDENTITIES,
)
from services.investors.tests.histories import account_of, banks_of, carried_out, histories, investor_of

ARROWS = {
    ("draft", "submitted"), ("draft", "withdrawn"), ("draft", "erased"), ("withdrawn", "erased"),
    ("submitted", "in_review"), ("submitted", "rejected"), ("in_review", "approved"), ("in_review", "rejected"),
    ("in_review", "more_information"), ("more_information", "submitted"), ("more_information", "rejected"),
    ("approved", "ended"), ("ended", "erased"), ("rejected", "erased"),
}  # fmt: skip
SECRETS = [
    PERSON["family_name"], PERSON["given_names"], PERSON["birth_date"], *ADDRESS["lines"], ADDRESS["city"],
    BANK["iban"], OTHER_BANK["iban"], MISMATCH["holder"], TAX_IDENTITIES[0]["tin"], GROUND["authority"],
    HIT["entry"], HIT["list_name"],
]  # fmt: skip


@settings(deadline=None, max_examples=150)
@forall(histories)
def test_investors_inv_1_an_investor_moves_only_along_its_lifecycle(history: list[Command]) -> None:
    past = Given(DECIDER, [])
    for each in history:
        before = investor_of(past)
        carried_out(past, each)
        after = investor_of(past)
        if before is not None and after is not None:
            assert before.status == after.status or (before.status, after.status) in ARROWS


@settings(deadline=None, max_examples=150)
@forall(histories)
def test_investors_inv_2_3_who_is_approved_is_screened_clear_and_certified(history: list[Command]) -> None:
    past = Given(DECIDER, [])
    for each in history:
        events = carried_out(past, each)
        if any(isinstance(event, published.InvestorApproved) for event in events):
            investor = investor_of(past)
            assert investor is not None
            assert investor.certified is not None
            assert investor.screening is not None
            assert investor.screening.answer is not None
            assert investor.screening.answer.round == investor.screening.round
            found = range(1, len(investor.screening.answer.hits.clear) + 1)
            assert {investor.screening.outcomes.get(number) for number in found} <= {"dismissed"}


@settings(deadline=None, max_examples=150)
@forall(histories)
def test_investors_inv_4_no_account_opens_but_for_the_approved_and_certified(history: list[Command]) -> None:
    past = Given(DECIDER, [])
    for each in history:
        before = investor_of(past)
        if any(isinstance(event, published.AccountOpened) for event in carried_out(past, each)):
            assert before is not None
            assert (before.status, before.review_overdue, before.certified is None) == ("approved", False, False)


@settings(deadline=None, max_examples=150)
@forall(histories)
def test_investors_inv_5_money_goes_to_a_verified_bank_account_only(history: list[Command]) -> None:
    past = Given(DECIDER, [])
    for each in history:
        carried_out(past, each)
    banks = {bank.added.bank_account: bank for bank in banks_of(past)}
    for bank in banks.values():
        if bank.evidence is not None and bank.added.name_match == "mismatch":
            assert bank.evidence in STRONG_EVIDENCE
    account = account_of(past)
    if account is not None and account.payout is not None:
        assert banks[account.payout].evidence is not None


@settings(deadline=None, max_examples=150)
@forall(histories)
def test_investors_inv_6_a_second_payout_account_comes_by_a_change_of_two_people(history: list[Command]) -> None:
    past = Given(DECIDER, [])
    for each in history:
        before = account_of(past)
        set_now = any(isinstance(event, published.PayoutAccountSet) for event in carried_out(past, each))
        if set_now and before is not None and before.payout is not None:
            assert each.four_eyes


@settings(deadline=None, max_examples=150)
@forall(histories)
def test_investors_inv_7_nothing_follows_an_erasure_but_the_destruction_of_the_key(history: list[Command]) -> None:
    past, gone = Given(DECIDER, []), False
    for each in history:
        before = investor_of(past)
        events = carried_out(past, each)
        if gone:
            assert all(isinstance(event, published.KeyDestroyed) for event in events)
        for event in events:
            if isinstance(event, published.InvestorErased):
                assert before is not None
                assert before.accounts == frozenset()
                kept = before.retain_until is not None and event.erased_at < before.retain_until
                assert not kept or event.legal_basis in BEFORE_RETENTION_IS_OVER
                gone = True


@settings(deadline=None, max_examples=150)
@forall(histories)
def test_investors_inv_8_an_investor_knows_its_open_accounts_and_ends_after_the_last(history: list[Command]) -> None:
    past = Given(DECIDER, [])
    for each in history:
        carried_out(past, each)
        investor, account = investor_of(past), account_of(past)
        if investor is not None:
            is_open = account is not None and not account.closed
            assert bool(investor.accounts) == is_open
            assert not is_open or investor.status == "approved"


@settings(deadline=None, max_examples=150)
@forall(histories)
def test_investors_inv_9_a_command_that_was_carried_out_gives_nothing_again(history: list[Command]) -> None:
    past = Given(DECIDER, [])
    for each in history:
        if carried_out(past, each):
            assert list(past.decide(each)) == []


@settings(deadline=None, max_examples=150)
@forall(histories)
def test_investors_inv_10_state_folds_from_sealed_events_as_from_clear_ones(history: list[Command]) -> None:
    """Sealed or clear, the same state but for the leaves that it carries: `evolve` never looks into one."""
    past, events = Given(DECIDER, []), list[Event]()
    for each in history:
        events += carried_out(past, each)
    assert Given(DECIDER, events).states == past.states
    sealed: dict[str, Any] = {}
    for event in events:
        shut = DECIDER.catalogue.parse(event.type_name(), closed(event.data()))
        sealed[event.stream()] = DECIDER.evolve(sealed.get(event.stream()), shut)
    assert {stream: bare(state) for stream, state in sealed.items()} == {
        stream: bare(state) for stream, state in past.states.items()
    }


@settings(deadline=None, max_examples=150)
@forall(histories)
def test_investors_inv_11_no_refusal_tells_a_personal_value_and_each_names_a_field(history: list[Command]) -> None:
    past = Given(DECIDER, [])
    for each in history:
        refusal = refusal_of(past, each)
        if refusal is not None:
            assert refusal.field is not None
            shown = str(refusal.as_problem())
            assert [secret for secret in SECRETS if str(secret) in shown] == []
        carried_out(past, each)


@settings(deadline=None, max_examples=150)
@forall(histories, st.sampled_from(["DIST-1", "DIST-2"]))
def test_investors_inv_12_a_distributor_changes_only_what_is_its_own(history: list[Command], code: str) -> None:
    past = Given(DECIDER, [])
    for each in history:
        investor, account = investor_of(past), account_of(past)
        bound = each.model_copy(update={"placed_by": code})
        for event in carried_out(past, bound):
            if isinstance(event, published.BankAccountEvent) and account is not None:
                assert code in (account.opened.distributor, investor and investor.registered.distributor)
            elif isinstance(event, published.AccountEvent) and account is not None:
                assert account.opened.distributor == code
            elif isinstance(event, published.InvestorsEvent) and investor is not None and account is None:
                assert investor.registered.distributor == code
        carried_out(past, each)


def refusal_of(past: Given, each: Command) -> CartularyError | None:
    """Why the command is refused, if it is."""
    try:
        past.decide(each)
    except (Refused, InvalidValue) as refusal:
        return refusal
    return None


def closed(value: Any) -> Any:
    """JSON values with every personal leaf as a ciphertext that nobody could read."""
    if is_leaf(value):
        return {"sealed": "AAAA"}
    if isinstance(value, dict):
        return {name: closed(part) for name, part in value.items()}
    return [closed(part) for part in value] if isinstance(value, list) else value


def bare(state: Any) -> str:
    """What a state says beside its personal values, whichever form they have."""
    return repr(state).replace("Personal(sealed)", "Personal").replace("Personal(clear)", "Personal")
