"""`cartulary ledger`: deploys once, shows what the contract holds, and says what is wrong in one sentence."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from libs.cli.main import app
from libs.testkit.anvil import anvil


@pytest.fixture(scope="module")
def node() -> Iterator[str]:
    with anvil() as url:
        yield url


def test_a_ledger_is_deployed_and_shown(node: str, tmp_path: Path) -> None:
    run, where = CliRunner(), ("--rpc", node, "--home", str(tmp_path))
    made = run.invoke(app, ["ledger", "deploy", *where, "--lanes", "2", "--producer", "funds", "--producer", "nav"])
    assert (made.exit_code, made.stdout.count("2 lanes")) == (0, 1), made.output
    seen = json.loads(run.invoke(app, ["ledger", "show", *where, "--json"]).stdout)
    assert seen["contract"] in made.stdout
    assert [(lane["lane"], lane["next"], lane["marks"]) for lane in seen["lanes"]] == [(0, 1, {}), (1, 1, {})]
    assert len({lane["holder"] for lane in seen["lanes"]} - {None}) == 2
    assert set(seen["producers"]) == {"funds", "nav"}
    table = run.invoke(app, ["ledger", "show", *where])
    assert table.exit_code == 0
    assert all(word in table.stdout for word in (seen["contract"], "funds", "nav"))


def test_w2_another_number_of_lanes_is_refused_in_one_sentence(node: str, tmp_path: Path) -> None:
    run, where = CliRunner(), ("--rpc", node, "--home", str(tmp_path))
    assert run.invoke(app, ["ledger", "deploy", *where, "--lanes", "2"]).exit_code == 0
    refused = run.invoke(app, ["ledger", "deploy", *where, "--lanes", "3"])
    assert refused.exit_code == 1
    assert "2 lanes for good" in refused.stderr
    assert "Traceback" not in refused.output


def test_without_a_ledger_the_command_that_makes_one_is_named(node: str, tmp_path: Path) -> None:
    nothing = CliRunner().invoke(app, ["ledger", "show", "--rpc", node, "--home", str(tmp_path)])
    assert nothing.exit_code == 1
    assert "cartulary ledger deploy" in nothing.stderr
