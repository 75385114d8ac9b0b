"""What every Clock does."""

from __future__ import annotations

from datetime import UTC

from libs.ports import Clock


class ClockSuite:
    """Subclass it with a fixture `clock`."""

    async def test_now_is_utc(self, clock: Clock) -> None:
        assert clock.now().tzinfo is UTC

    async def test_a_sleep_moves_both_clocks_on_by_as_much(self, clock: Clock) -> None:
        now, monotonic = clock.now(), clock.monotonic()
        await clock.sleep(0.05)
        assert 0.045 <= clock.monotonic() - monotonic < 1.0
        assert 0.045 <= (clock.now() - now).total_seconds() < 1.0

    async def test_monotonic_time_never_goes_back(self, clock: Clock) -> None:
        times = []
        for _ in range(50):
            times.append(clock.monotonic())
            await clock.sleep(0)
        assert times == sorted(times)
