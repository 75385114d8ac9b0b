"""HTTP of investors: requests become commands, read tables become answers for whom may see them (TA-I)."""

from __future__ import annotations

from collections.abc import Sequence

from fastapi import APIRouter

from libs.edge.composition import Composition
from services.investors import (
    account_commands,
    account_queries,
    batch,
    changes,
    documents,
    export,
    history,
    investor_commands,
    queries,
    search,
)
from services.investors.people import People

# Fields of bodies whose values no problem shows; a wrong reference may be a person's name.
PERSONAL = frozenset(
    {
        "identity", "address", "contact", "tax_identities", "bank", "details", "ground", "what", "reason", "name",
        "iban", "tin", "holder", "reference",
    }
)  # fmt: skip


def routers(composed: Composition) -> Sequence[APIRouter]:
    """The routes of investors; what has a fixed address stands before what has an id in its place."""
    people = People(composed.store, composed.vault)
    return [
        search.router(people),
        export.router(people),
        batch.router(investor_commands.InvestorBody, investor_commands.registration),
        investor_commands.router(composed.settings),
        documents.router(people, composed.settings),
        account_commands.bank_account_router(),
        account_commands.account_router(people),
        account_commands.distributor_router(people),
        changes.router(people),
        queries.router(people),
        history.router(people),
        account_queries.bank_account_router(people),
        account_queries.account_router(people),
        account_queries.distributor_router(people),
    ]
