"""A machine that draws commands against the decider, and looks at every state it comes to (TA-I-1 … TA-I-7)."""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from libs.kernel.decider import Command
from libs.messages import investors as published
from libs.testkit.given import Given
from services.investors.tests.examples import DECIDER
from services.investors.tests.histories import (
    account_of,
    banks_of,
    carried_out,
    erasures,
    investor_of,
    of_accounts,
    of_the_file,
    registrations,
    starts,
)
from services.investors.tests.test_invariants import ARROWS


class InvestorMachine(RuleBasedStateMachine):
    """One investor with an account and two bank accounts."""

    def __init__(self) -> None:
        super().__init__()
        self.past = Given(DECIDER, [])
        self.statuses: list[str] = []
        self.evidence: set[str] = set()
        self.late: list[str] = []

    def carry_out(self, each: Command) -> None:
        """Decide and fold; note where it led."""
        before = investor_of(self.past)
        for event in carried_out(self.past, each):
            if isinstance(event, published.BankAccountVerified):
                self.evidence.add(str(event.bank_account))
            if before is not None and before.status == "erased":
                self.late.append(type(event).__name__)
        after = investor_of(self.past)
        if after is not None and self.statuses[-1:] != [after.status]:
            self.statuses.append(after.status)

    @initialize(start=starts)
    def start_somewhere(self, start: list[Command]) -> None:
        for each in start:
            self.carry_out(each)

    @rule(each=st.one_of(*registrations, *of_the_file))
    def work_on_the_file(self, each: Command) -> None:
        self.carry_out(each)

    @rule(each=st.one_of(*of_accounts))
    def work_on_accounts(self, each: Command) -> None:
        self.carry_out(each)

    @rule(each=st.one_of(*erasures))
    def erase(self, each: Command) -> None:
        self.carry_out(each)

    @invariant()
    def statuses_move_along_the_lifecycle(self) -> None:
        # Within one command submission is followed by nothing else, so every step is one arrow.
        steps = set(zip(self.statuses, self.statuses[1:], strict=False))
        assert steps <= ARROWS
        assert self.statuses[:1] in ([], ["draft"], ["submitted"])

    @invariant()
    def no_account_is_open_but_of_an_approved_investor(self) -> None:
        investor, account = investor_of(self.past), account_of(self.past)
        if account is not None and not account.closed:
            assert investor is not None
            assert investor.status == "approved"

    @invariant()
    def no_bank_account_is_verified_without_evidence(self) -> None:
        verified = {str(bank.added.bank_account) for bank in banks_of(self.past) if bank.evidence is not None}
        assert verified <= self.evidence

    @invariant()
    def nothing_follows_an_erasure_but_one_destruction(self) -> None:
        assert self.late in ([], ["KeyDestroyed"])


TestInvestorMachine = InvestorMachine.TestCase
TestInvestorMachine.settings = settings(max_examples=60, stateful_step_count=20, deadline=None)
