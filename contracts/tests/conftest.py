"""One anvil for each file of tests, one fresh contract for each test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from web3 import Web3

from contracts.tests.chain import LedgerUnderTest
from libs.testkit.anvil import anvil


@pytest.fixture(scope="module")
def web3() -> Iterator[Web3]:
    with anvil() as url:
        yield Web3(Web3.HTTPProvider(url))


@pytest.fixture
def ledger(web3: Web3) -> LedgerUnderTest:
    return LedgerUnderTest(web3)
