"""`cartulary verify` and `cartulary replay` from the outside: exit codes and sentences."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from libs.adapters.tests.schemas import own_database
from libs.cli.main import app
from libs.ledger.deploy import deploy
from libs.ledger.port import LedgerIdentity
from libs.stack.addresses import Addresses

Known = tuple[Path, LedgerIdentity]
Run = Callable[..., Any]


@pytest.fixture(scope="module")
def known(stack: Addresses, tmp_path_factory: pytest.TempPathFactory) -> Known:
    """A state directory with a ledger of its own, still empty."""
    home = tmp_path_factory.mktemp("home")
    return home, asyncio.run(deploy(stack.ledger.split(","), home / "keys", home, lanes=4, producers=["funds"]))


@pytest.fixture
def run(stack: Addresses, known: Known, monkeypatch: pytest.MonkeyPatch) -> Run:
    home, _ = known
    environment = {**stack.environment(), "CARTULARY_HOME": str(home), "COLUMNS": "200"}
    for name, value in environment.items():
        monkeypatch.setenv(name, value)

    def command(*arguments: str) -> Any:
        return CliRunner().invoke(app, list(arguments))

    return command


def test_an_honest_ledger_holds_and_is_remembered(run: Run, known: Known) -> None:
    home, identity = known
    result = run("verify", "--workers", "1")
    assert result.exit_code == 0
    assert "Everything holds." in result.stdout
    assert json.loads((home / "verified.json").read_text())["contract"] == identity.contract.hex()


def test_the_report_is_one_json_object(run: Run) -> None:
    result = run("verify", "--json", "--workers", "0")
    assert (result.exit_code, json.loads(result.stdout)["true"]) == (0, True)


def test_a_contract_at_another_address_does_not_hold(run: Run, known: Known, stack: Addresses, tmp_path: Path) -> None:
    home, _ = known
    other = asyncio.run(deploy(stack.ledger.split(","), home / "keys", tmp_path, lanes=4, producers=["funds"]))
    result = run("verify", "--contract", "0x" + other.contract.hex(), "--workers", "0")
    assert result.exit_code == 1
    assert "other ledger: This is not the ledger that belongs to this deployment." in result.stdout


def test_a_node_that_does_not_answer_proves_nothing(run: Run) -> None:
    result = run("verify", "--rpc", "http://127.0.0.1:1", "--json")
    assert (result.exit_code, json.loads(result.stdout)["true"]) == (2, None)
    assert "Nothing could be proved" in result.stderr


def test_without_a_schema_there_is_nothing_to_compare(
    run: Run, stack: Addresses, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def in_an_empty_database() -> Any:
        async with own_database(stack) as dsn:
            monkeypatch.setenv("CARTULARY_POSTGRES_DSN", dsn)
            return await asyncio.to_thread(run, "replay", "--json")

    result = asyncio.run(in_an_empty_database())
    assert (result.exit_code, json.loads(result.stdout)["true"]) == (2, None)
    assert "funds" in json.loads(result.stdout)["absent"]
