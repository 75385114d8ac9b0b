"""`cartulary vault` from the outside: back-up, restore, rotation, status, and one sentence when it cannot be done."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Coroutine, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from typer.testing import CliRunner

from libs.adapters.tests.schemas import own_database
from libs.cli.main import app
from libs.edge.settings import load_settings
from libs.edge.vault import make_vault, migrate_vault
from libs.kernel.personal import Term
from libs.ledger.deploy import deploy
from libs.stack.addresses import Addresses
from libs.vault.vault import Vault

Run = Callable[..., Any]
SUBJECTS = ["inv-1", "inv-2", "inv-3"]


@pytest.fixture
def run(stack: Addresses, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    """The command, in a state directory and a database of the test's own."""
    with ExitStack() as ended, asyncio.Runner() as runner:
        database = own_database(stack)
        monkeypatch.setenv("CARTULARY_POSTGRES_DSN", runner.run(database.__aenter__()))
        ended.callback(lambda: runner.run(database.__aexit__(None, None, None)))
        monkeypatch.setenv("CARTULARY_HOME", str(tmp_path / "home"))
        monkeypatch.setenv("COLUMNS", "300")
        yield lambda *arguments: CliRunner().invoke(app, ["vault", *arguments])
        ended.close()


def on_vault(act: Callable[[Vault], Coroutine[Any, Any, Any]]) -> Any:
    """Act on the deployment's vault."""

    async def acted() -> Any:
        settings = load_settings()
        await migrate_vault(settings)
        vault = make_vault(settings)
        try:
            return await act(vault)
        finally:
            await vault.close()

    return asyncio.run(acted())


async def fill(vault: Vault) -> None:
    ring = await vault.ring("acme", SUBJECTS)
    for subject in SUBJECTS:
        ring.index(subject, [Term("name", f"Anna {subject}")])
    await vault.keep(ring)


async def erase_second(vault: Vault) -> None:
    await vault.erase("acme", "inv-2", datetime(2026, 3, 2, tzinfo=UTC))


def change(statement: str) -> None:
    """Change the database as an administrator."""

    async def changed() -> None:
        settings = load_settings()
        assert settings.postgres_dsn is not None
        admin = await asyncpg.connect(settings.postgres_dsn.get_secret_value())
        await admin.execute(statement)
        await admin.close()

    asyncio.run(changed())


def test_what_is_backed_up_comes_back_but_for_the_erased(run: Run, tmp_path: Path) -> None:
    on_vault(fill)
    saved = run("backup", str(tmp_path / "safe"))
    assert saved.exit_code == 0, saved.output
    [file] = (tmp_path / "safe").iterdir()
    assert "3 key, 3 tokens rows" in saved.output
    change("drop schema vault cascade")
    on_vault(erase_second)
    restored = run("restore", str(file), "--no-ledger")
    assert restored.exit_code == 0, restored.output
    assert "2 keys were missing and are back" in restored.output
    seen = json.loads(run("status", "--json").stdout)
    assert (sum(seen["keys"].values()), seen["tombstones"], seen["searchable"], seen["broken"]) == (2, 1, 2, {})
    assert "Anna" not in saved.output + restored.output + file.read_text()


def test_a_rotation_makes_a_new_key_and_status_tells_it(run: Run) -> None:
    on_vault(fill)
    before = json.loads(run("status", "--json").stdout)["newest"]
    done = run("rotate")
    assert (done.exit_code, "3 keys are wrapped by local-0002-" in done.output) == (0, True), done.output
    status = run("status")
    assert status.exit_code == 0
    assert before not in status.stdout
    assert "0 subjects erased, 3 searchable" in status.stdout


def test_a_missing_master_key_is_named_and_ends_with_one(run: Run, tmp_path: Path) -> None:
    on_vault(fill)
    [kek] = (tmp_path / "home" / "keys" / "kek").iterdir()
    kek.unlink()
    seen = run("status")
    assert seen.exit_code == 1
    assert f"local-{kek.name}: 3 keys, the master key" in seen.stdout
    assert "is missing; bring it back" in seen.stdout
    turned = run("rotate")
    assert turned.exit_code == 1
    assert "3 keys keep their wrapping: master-key-missing" in turned.stderr


def test_what_cannot_be_done_is_said_in_one_sentence(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    on_vault(fill)
    (tmp_path / "not").write_text("a back-up")
    for arguments, said in (
        (("restore", str(tmp_path / "not"), "--no-ledger"), "cut, altered, or not of this deployment"),
        (("backup", str(tmp_path / "not" / "safe")), "cannot be written"),
    ):
        result = run(*arguments)
        assert (result.exit_code, said in result.stderr) == (2, True), result.output
        assert "Traceback" not in result.output
    monkeypatch.setenv("CARTULARY_KEK", "transit")
    assert "needs transit_url and transit_token" in run("status").stderr
    monkeypatch.setenv("CARTULARY_KEK", "local")
    monkeypatch.setenv("CARTULARY_POSTGRES_DSN", "postgresql://postgres@127.0.0.1:1/none")
    away = run("status")
    assert (away.exit_code, "PostgreSQL did not answer" in away.stderr) == (2, True), away.output


def test_i7_without_the_ledger_nothing_is_restored(run: Run, tmp_path: Path) -> None:
    on_vault(fill)
    run("backup", str(tmp_path / "safe"))
    [file] = (tmp_path / "safe").iterdir()
    change("drop schema vault cascade")
    result = run("restore", str(file))
    assert result.exit_code == 2
    assert json.loads(run("status", "--json").stdout)["keys"] == {}


def test_i7_the_ledger_is_read_to_its_end_before_a_key_is_put_back(
    run: Run, stack: Addresses, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CARTULARY_LEDGER_RPC", stack.ledger)
    home = tmp_path / "home"
    asyncio.run(deploy(stack.ledger.split(","), home / "keys", home, lanes=2, producers=["investors"]))
    on_vault(fill)
    run("backup", str(tmp_path / "safe"), "--no-documents")
    [file] = (tmp_path / "safe").iterdir()
    change("drop schema vault cascade")
    result = run("restore", str(file))
    assert result.exit_code == 0, result.output
    assert "3 keys were missing and are back; 0 erasures from events" in result.output
