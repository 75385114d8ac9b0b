"""A served fleet on the stack: a process a service, with a home and a database of their own."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from libs.adapters.clock import SystemClock
from libs.adapters.tests.schemas import own_database
from libs.edge.fleet import ServedFleet, served_fleet
from libs.edge.importing import Imported, Importer
from libs.edge.issuer import LocalIssuer
from libs.edge.settings import Settings, load_settings
from libs.ledger.deploy import deploy
from libs.stack.addresses import Addresses
from libs.stack.places import CHECKOUT
from libs.testkit.journey import People
from services.funds.import_yaml import entries

DOCUMENT = CHECKOUT / "tests-e2e" / "data" / "funds.yaml"
TENANT = "meridian"
LANES = 4
SERVICES = ["funds", "investors"]
# Somebody who does not exist, under both spellings.
SCREENING_LIST = """\
{"list_name": "Example list", "list_version": "2026-11-20", "entries": 1}
{"entry": "EX-1", "kind": "natural", "names": ["Иван Примеров", "Ivan Primerov"], "births": ["1961-03"]}
"""


@pytest.fixture(scope="session")
def fleet_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The state directory of the fleet: its keys, its issuer, its logs."""
    return tmp_path_factory.mktemp("home")


@pytest_asyncio.fixture(scope="session")
async def fleet_database(stack: Addresses) -> AsyncIterator[str]:
    """The administrator's DSN of the fleet's database."""
    async with own_database(stack) as dsn:
        yield dsn


@pytest_asyncio.fixture(scope="session")
async def fleet_environment(stack: Addresses, fleet_home: Path, fleet_database: str) -> dict[str, str]:
    """What a process of the fleet is told: a ledger and a database of their own."""
    await deploy(stack.ledger.split(","), fleet_home / "keys", fleet_home, lanes=LANES, producers=SERVICES)
    screening_list = fleet_home / "screening.jsonl"
    screening_list.write_text(SCREENING_LIST)
    return stack.environment() | {
        "CARTULARY_SCREENING_LIST": str(screening_list),
        "CARTULARY_HOME": str(fleet_home),
        "CARTULARY_POSTGRES_DSN": fleet_database,
        "CARTULARY_LANES": str(LANES),
        # Who does not ask to wait is answered at once, so that random requests are many.
        "CARTULARY_DEFAULT_WAIT_S": "0",
        # Random requests come from one address, many of them with a token that does not count.
        "CARTULARY_RATE_ADDRESS_BURST": "1000000",
    }


@pytest_asyncio.fixture(scope="session")
async def fleet(fleet_environment: dict[str, str], fleet_home: Path) -> AsyncIterator[ServedFleet]:
    """Attestation and every service, ready."""
    services, logs = ["attestation", *SERVICES], fleet_home / "log"
    async with served_fleet(services, fleet_environment, logs, within_s=100) as served:
        yield served


@pytest.fixture(scope="session")
def fleet_settings(stack: Addresses, fleet_home: Path, fleet_database: str) -> Settings:
    """The settings of whoever verifies, replays or keeps the keys of the fleet."""
    return load_settings().having(
        home=fleet_home, postgres_dsn=fleet_database, ledger_rpc=stack.ledger, kafka_bootstrap=stack.kafka, lanes=LANES
    )


@pytest.fixture(scope="session")
def people(fleet: ServedFleet, fleet_home: Path) -> People:
    """Callers of funds."""
    return People(fleet.url("funds"), LocalIssuer(fleet_home / "issuer", "cartulary-local", "cartulary"))


@pytest.fixture(scope="session")
def staff(fleet: ServedFleet, fleet_home: Path) -> People:
    """Callers of investors."""
    return People(fleet.url("investors"), LocalIssuer(fleet_home / "issuer", "cartulary-local", "cartulary"))


@pytest_asyncio.fixture(scope="session")
async def imported(people: People) -> Imported:
    """What came of the demo's document, imported once for all journeys."""
    clock = SystemClock()
    maker, checker = (people.token(sub, TENANT) for sub in ("maker", "checker"))
    return await Importer(people.url, maker, checker, clock).run(entries(DOCUMENT.read_text(), TENANT, clock.now()))
