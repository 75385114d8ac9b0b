"""Who may do what: the one table of roles and permissions, and of who proposes and who approves (TA-F-4, TA-I-8)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

DISTRIBUTOR = "distributor"


class FourEyes(NamedTuple):
    """The roles that may propose a command under four eyes, and those that may approve it as another subject."""

    propose: frozenset[str]
    approve: frozenset[str]


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_FUNDS = _words("operations compliance")
_EVERYBODY = _words("funds:read commands:read")
_DECIDES = _words("changes:read changes:propose changes:approve changes:reject")

# `investors:read` hides the particulars of a person, `investors:personal` shows them and searches by them.
# `changes:propose` is the proposal of any command by its name; a distributor has none of it: it proposes through
# the routes of what it changes, which look whether that is its own.
ROLES: Mapping[str, frozenset[str]] = {
    "operations": _EVERYBODY | _DECIDES | _words(
        "funds:register funds:change investors:read investors:personal investors:register investors:documents"
        " accounts:read accounts:open accounts:block accounts:export bank_accounts:add"
        " distributors:read distributors:register"
    ),
    "compliance": _EVERYBODY | _DECIDES | _words(
        "investors:read investors:personal investors:review investors:documents accounts:read accounts:block"
        " accounts:export bank_accounts:verify distributors:read"
    ),
    "treasury": _EVERYBODY | _DECIDES | _words(
        "investors:read investors:personal accounts:read bank_accounts:add bank_accounts:verify distributors:read"
    ),
    "data_protection": _EVERYBODY | _DECIDES | _words(
        "investors:read investors:personal investors:documents accounts:read distributors:read subjects:export"
    ),
    "distributor": _EVERYBODY | _words(
        "changes:read changes:reject investors:read investors:personal investors:register investors:documents"
        " accounts:read accounts:open bank_accounts:add distributors:read"
    ),
    "auditor": _EVERYBODY | _words("changes:read investors:read accounts:read accounts:export distributors:read"),
    "administrator": _EVERYBODY | _words("changes:read distributors:read distributors:register"),
}  # fmt: skip

# By service, for all of its commands under four eyes, or by command for one of them. Who is not named here may not.
FOUR_EYES: Mapping[str, FourEyes] = {
    "funds": FourEyes(_words("operations"), _FUNDS),
    "investors": FourEyes(_words("operations compliance"), _words("compliance")),
    "investors.ChangeBankAccount": FourEyes(
        _words("operations distributor treasury"), _words("treasury compliance")
    ),
    "investors.EraseInvestor": FourEyes(
        _words("data_protection operations"), _words("data_protection compliance")
    ),
    "investors.UnblockAccount": FourEyes(_words("operations compliance"), _words("compliance")),
}  # fmt: skip
_NOBODY = FourEyes(frozenset(), frozenset())


@dataclass(frozen=True, slots=True)
class Permissions:
    """The table as the edge asks it; a test may bring its own."""

    roles: Mapping[str, frozenset[str]]
    four_eyes: Mapping[str, FourEyes]

    def known(self) -> frozenset[str]:
        """Every permission that some role has."""
        return frozenset().union(*self.roles.values())

    def allows(self, role: str, permission: str) -> bool:
        """Whether the role has the permission."""
        return permission in self.roles.get(role, frozenset())

    def on(self, service: str, command: str) -> FourEyes:
        """Who may propose and approve a command of a service."""
        return self.four_eyes.get(f"{service}.{command}") or self.four_eyes.get(service, _NOBODY)


PERMISSIONS = Permissions(ROLES, FOUR_EYES)
