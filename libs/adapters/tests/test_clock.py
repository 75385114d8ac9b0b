"""The machine's clocks behind the Clock port."""

from __future__ import annotations

import pytest

from libs.adapters.clock import SystemClock
from libs.testkit.ports.clock import ClockSuite


class TestSystemClock(ClockSuite):
    """The suite of the port."""

    @pytest.fixture
    def clock(self) -> SystemClock:
        """The machine's."""
        return SystemClock()
