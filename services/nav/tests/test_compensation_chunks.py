"""However its orders are cut into chunks, a compensation is the same, each cent traced to an order (TA-N-5)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from decimal import Decimal
from typing import Any
from uuid import UUID

from hypothesis import given as forall
from hypothesis import settings
from hypothesis import strategies as st

from libs.kernel.ids import named_id
from libs.messages.nav import CompensationCalculated, CompensationClosed
from libs.messages.nav_values import CompensationClaim, CompensationTotals
from libs.testkit.given import Given
from services.nav.tests.dealing_days import DECIDER, carried_out, policy_set
from services.nav.tests.test_nav_error import D1, D2, chunk, closing, corrected, deal, opening

ACCOUNTS = sorted(named_id("account", str(number)) for number in range(4))
OPENED = corrected(D1, D2)
OPENED.apply(policy_set(change_tolerance="0.5", de_minimis="20"))
carried_out(OPENED, opening(D1, D2))

drawn = st.lists(
    st.tuples(
        st.sampled_from(ACCOUNTS),
        st.sampled_from(["subscription", "redemption"]),
        st.sampled_from([D1, D2]),
        st.integers(1, 10**7).map(lambda steps: str(Decimal(steps).scaleb(-4))),
    ),
    min_size=1,
    max_size=12,
)


def by_account(orders: Sequence[tuple[Any, ...]]) -> dict[UUID, list[dict[str, Any]]]:
    """Each account's orders, accounts ascending."""
    found: dict[UUID, list[dict[str, Any]]] = defaultdict(list)
    for number, order in enumerate(orders):
        found[order[0]].append(deal(str(number), order[0], order[1], order[2], order[3], number))
    return {account: found[account] for account in sorted(found)}


def calculated(chunks: Sequence[Sequence[dict[str, Any]]]) -> tuple[list[CompensationClaim], CompensationTotals]:
    """All claims and the totals of a compensation that got these chunks."""
    past = Given(DECIDER, [])
    past.states = dict(OPENED.states)
    claims: list[CompensationClaim] = []
    for number, deals in enumerate(chunks):
        (event,) = past.decide(chunk(number, *deals))
        assert isinstance(event, CompensationCalculated)
        claims += event.compensations
        traced = {part.order for claim in event.compensations for part in claim.parts}
        assert traced == {each["order"] for each in deals}
        assert sum(e.amount for e in event.effects) == sum(p.amount for c in event.compensations for p in c.parts)
        past.apply(event)
    (closed,) = past.decide(closing(sum(map(len, chunks))))
    assert isinstance(closed, CompensationClosed)
    return claims, closed.totals


@settings(deadline=None, max_examples=60)
@forall(drawn)
def test_nav_inv_11_the_cut_into_chunks_changes_nothing_and_the_funds_totals_are_whole(orders: list[Any]) -> None:
    accounts = by_account(orders)
    in_one = calculated([[each for deals in accounts.values() for each in deals]])
    one_each = calculated(list(accounts.values()))
    assert sorted(map(repr, in_one[0])) == sorted(map(repr, one_each[0]))
    assert in_one[1] == one_each[1]
    fund = in_one[1]
    assert fund.excess_in - fund.excess_out - fund.paid + fund.received - fund.kept == 0
