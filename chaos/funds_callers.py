"""The workload of funds: umbrellas, now and then a sub-fund whose name two people change."""

from __future__ import annotations

from typing import Any

from chaos.callers import Callers
from chaos.fleet import FUNDS
from chaos.load import Action

CALLERS = 6
UMBRELLA: dict[str, Any] = {"name": "Meridian", "legal_form": "sicav", "regime": "ucits", "domicile": "LU"}
SUB_FUND: dict[str, Any] = {
    "code": "GEQ",
    "name": "Meridian Global",
    "base_currency": "EUR",
    "asset_class": "equity",
    "calendar": {
        "frequency": {"kind": "daily"},
        "holiday_sets": ["bank:LU"],
        "cut_off": {"at": "14:00", "zone": "Europe/Luxembourg"},
        "nav_known": {"at": "17:30", "zone": "Europe/Luxembourg"},
    },
}


class FundsCallers(Callers):
    """Operations of funds."""

    service = FUNDS
    roles = dict.fromkeys((f"caller-{number}" for number in range(CALLERS)), "operations")

    def next_action(self) -> Action:
        """Mostly something new; now and then a key again, a key with another body, what the rules refuse."""
        chance = self.random.random()
        if chance < 0.08 and (known := self.known()):
            first = self.random.choice(known)
            return lambda: self.load.again(first)
        if chance < 0.11 and (committed := self.known("/umbrellas")):
            first = self.random.choice(committed)
            return lambda: self.another_body(first, {**UMBRELLA, "name": "Another"})
        if chance < 0.16:
            return lambda: self._register({**UMBRELLA, "domicile": "ZZ"})
        return self._journey if chance < 0.30 else lambda: self._register(UMBRELLA)

    async def _register(self, body: dict[str, Any]) -> None:
        await self.load.drive(self.new("/umbrellas", body, self.random.choice(list(self.roles))))

    async def _journey(self) -> None:
        """An umbrella, a sub-fund in it, a change of its name by two people: each step finds what the last one did."""
        anybody = self.random.choice(list(self.roles))
        umbrella = (await self.step("/umbrellas", UMBRELLA, anybody)).id
        sub_fund = (await self.step(f"/umbrellas/{umbrella}/sub-funds", SUB_FUND, anybody)).id
        rename = {"command": "RenameSubFund", "payload": {"name": "Meridian Global Equity"}}
        change = (await self.step(f"/sub-funds/{sub_fund}/changes", rename, "caller-0")).id
        await self.step(f"/changes/{change}/approve", None, "caller-1")
