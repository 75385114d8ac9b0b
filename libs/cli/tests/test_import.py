"""`cartulary import` says in one sentence what it cannot do."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from libs.cli.main import app, commands


def test_its_name_is_a_word_of_python_and_a_command_all_the_same() -> None:
    assert "import" in commands()


@pytest.mark.parametrize(
    ("service", "document", "reason"),
    [
        ("attestation", "umbrellas: []", "there is no service 'attestation' that imports documents"),
        ("moon", "umbrellas: []", "there is no service 'moon' that imports documents"),
        ("funds", "umbrellas: 3", "a list is expected"),
        ("funds", "umbrellas: [}", "not a YAML document"),
    ],
)
def test_what_cannot_be_imported_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, service: str, document: str, reason: str
) -> None:
    monkeypatch.setenv("CARTULARY_HOME", str(tmp_path))
    (tmp_path / "funds.yaml").write_text(document)
    result = CliRunner().invoke(app, ["import", service, str(tmp_path / "funds.yaml")])
    assert result.exit_code == 2
    assert reason in result.output.replace("\n", " ")
