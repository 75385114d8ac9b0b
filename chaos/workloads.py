"""Which callers a fleet's services have."""

from __future__ import annotations

from collections.abc import Mapping
from random import Random

from chaos.callers import Callers
from chaos.fleet import FUNDS, INVESTORS, Fleet
from chaos.funds_callers import FundsCallers
from chaos.investors_callers import InvestorsCallers
from chaos.load import Load

# Actions a second, so that every lane has work all the time and two cores have time to spare.
RATES = {FUNDS: 6.0, INVESTORS: 3.0}
_CALLERS: Mapping[str, type[Callers]] = {FUNDS: FundsCallers, INVESTORS: InvestorsCallers}


def load_of(fleet: Fleet, random: Random, rates: Mapping[str, float] = RATES) -> Load:
    """Callers of every service of the fleet, at these actions a second."""
    load = Load(fleet, random)
    for service in fleet.services:
        load.add(_CALLERS[service](load, rates[service]))
    return load
