"""Random histories of an investor and what is its own: any command in any state, some of them to be refused."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from hypothesis import strategies as st

from libs.kernel.decider import Command
from libs.kernel.errors import InvalidValue, Refused
from libs.kernel.events import Event
from libs.testkit.given import Given
from services.investors.domain.account import Account
from services.investors.domain.bank_account import BankAccount
from services.investors.domain.investor import Investor
from services.investors.tests.examples import (
    ACCOUNT,
    BANK,
    BANK_ACCOUNT,
    BLOCK,
    GROUND,
    HIT,
    INVESTOR,
    MISMATCH,
    NO_ACCOUNTS,
    NOW,
    OTHER_BANK,
    PERSON,
    SECOND_BANK,
    TAX,
    TAX_IDENTITIES,
    approved,
    command,
    ended,
    erased,
    holder,
    in_review,
    opened,
    paid_out,
    registered,
    submitted,
)

# Past every review and every retention period, too.
LATER = [NOW + timedelta(days=1), NOW.replace(year=2029), NOW.replace(year=2035)]
moments = st.sampled_from([NOW] * 6 + LATER)
banks = st.sampled_from([BANK_ACCOUNT, SECOND_BANK])
details = st.sampled_from([BANK, OTHER_BANK, MISMATCH])
evidence = st.sampled_from(["bank_confirmation", "penny_test", "statement_seen", "provider_check"])
rounds = st.integers(1, 3)
ALONE = {holder(INVESTOR): NO_ACCOUNTS}
BASES = ["consent_withdrawn", "retention_over", "unlawful", "legal_obligation"]
identities = st.sampled_from([{**PERSON, "family_name": name} for name in ("Weber", "Blum")])
hits = st.sampled_from([(), (HIT,), (HIT, {**HIT, "entry": "EX-18"})])
placed_by = st.sampled_from([None] * 9 + ["DIST-1"])


def of(name: str, /, **fields: st.SearchStrategy[Any]) -> st.SearchStrategy[Command]:
    """A command by name at some moment, with drawn fields."""
    return st.builds(
        lambda now, own: command(name, now=now, **own),
        moments,
        st.fixed_dictionaries({"placed_by": placed_by, **fields}),
    )


registrations = [
    of("RegisterInvestor"),
    of(
        "RegisterInvestor",
        tax=st.just(TAX),
        tax_identities=st.just(TAX_IDENTITIES),
        submit=st.booleans(),
        bank_account=st.just(BANK_ACCOUNT),
        bank=details,
        bank_currency=st.just("EUR"),
    ),
]
of_the_file = [
    of("AmendParticulars", identity=identities),
    of("CertifyTaxStatus"),
    of("FileDocument", kind=st.sampled_from(["identity", "self_certification"])),
    of("SubmitOnboarding"),
    of("WithdrawOnboarding"),
    of("RecordScreening", round=rounds, hits=hits),
    of("RecordScreeningUnavailable", round=rounds, attempt=st.integers(1, 2)),
    of("ResolveHit", round=rounds, hit=st.integers(1, 2), outcome=st.sampled_from(["dismissed", "confirmed"])),
    of("RequestMoreInformation"),
    of("ApproveInvestor", risk=st.sampled_from(["low", "high"])),
    of("ApproveInvestor"),
    of("RejectInvestor"),
    of("CompleteReview", risk=st.sampled_from(["medium", "high"])),
    of("MarkReviewOverdue", due_at=moments),
    of("EndRelationship", rows=st.just(ALONE)),
    of("ExportPersonalData"),
    of("RecordKeyDestroyed"),
]
erasures = [of("EraseInvestor", legal_basis=st.sampled_from([basis]), rows=st.just(ALONE)) for basis in BASES]
of_accounts = [
    of("AddBankAccount", bank_account=banks, details=details),
    of("VerifyBankAccount", bank_account=banks, evidence=evidence),
    of("CloseBankAccount", bank_account=banks),
    of("OpenAccount", distributor=st.sampled_from([None, "DIST-1"]), payout_account=st.none() | banks),
    of("SetInstructions", reinvest=st.booleans()),
    of("SetPayoutAccount", bank_account=banks),
    of("SetPayoutAccount", bank_account=banks),
    of("ChangeBankAccount", bank_account=banks, details=details, evidence=evidence),
    of("BlockAccount", scope=st.sampled_from(["payments", "asset_freeze"]), ground=st.just(GROUND)),
    of("UnblockAccount", block=st.just(BLOCK)),
    of("CloseAccount"),
]
SECOND: dict[str, Any] = {"bank_account": SECOND_BANK, "details": OTHER_BANK}
# Every stage that a rule looks at, so that each is tried often.
STARTS: list[list[Command]] = [
    [], registered(), [*registered(), command("WithdrawOnboarding")], submitted(), in_review(), in_review(HIT),
    [*submitted(), command("RecordScreeningUnavailable")], [*in_review(), command("RequestMoreInformation")],
    [*in_review(), command("RejectInvestor")], approved(), [*approved(), command("AddBankAccount", details=MISMATCH)],
    [*approved(), command("AddBankAccount"), command("OpenAccount")], opened(), paid_out(), ended(), erased(),
    [*paid_out(), command("AddBankAccount", **SECOND), command("VerifyBankAccount", bank_account=SECOND_BANK)],
]  # fmt: skip
starts = st.sampled_from(STARTS)
commands = st.one_of(*registrations, *of_the_file, *of_accounts, *erasures)
histories = st.tuples(starts, st.lists(commands, max_size=25)).map(lambda parts: [*parts[0], *parts[1]])


def carried_out(past: Given, each: Command) -> Sequence[Event]:
    """The events of a command, folded; none where the rules refuse it."""
    try:
        events = past.decide(each)
    except (Refused, InvalidValue):
        return []
    for event in events:
        past.apply(event)
    return events


def investor_of(past: Given) -> Investor | None:
    """The investor of the history, if it is registered."""
    state = past.states.get(f"investors/{INVESTOR}/investor/{INVESTOR}")
    assert state is None or isinstance(state, Investor)
    return state


def account_of(past: Given) -> Account | None:
    """Its account, if it was opened."""
    state = past.states.get(f"investors/{INVESTOR}/account/{ACCOUNT}")
    assert state is None or isinstance(state, Account)
    return state


def banks_of(past: Given) -> list[BankAccount]:
    """Its bank accounts."""
    return [state for state in past.states.values() if isinstance(state, BankAccount)]
