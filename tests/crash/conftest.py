"""One fleet of real processes for all tests here; each breaks something under load, and the ledger judges."""

from collections.abc import AsyncIterator
from random import Random

import pytest

from chaos.fleet import FUNDS, INVESTORS, Fleet, running_fleet
from chaos.load import Load
from chaos.workloads import load_of


@pytest.fixture(scope="session")
async def fleet() -> AsyncIterator[Fleet]:
    """The fleet; a test leaves it whole."""
    async with running_fleet((FUNDS, INVESTORS), block_time_s=0.25) as whole:
        yield whole


@pytest.fixture(scope="session")
def load(fleet: Fleet) -> Load:
    """Its callers; what they were told in one test must still be true after the next."""
    return load_of(fleet, Random(7), {FUNDS: 10.0, INVESTORS: 5.0})
