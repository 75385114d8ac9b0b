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


HEADER = "kind,category,address_1,city,country,name\n"
UNREADABLE = [
    (HEADER.replace("city", "town").encode(), (), "unknown: town; missing: city"),
    (b"PK\x03\x04", (), "an Excel workbook"),
    (HEADER.encode(), ("--encoding", "klingon"), "there is no such encoding of text"),
    (b"natural,retail,Gasse 1,Bonn,DE,Anna Weber\n", (), "its first line is no header"),
]


@pytest.mark.parametrize(("content", "options", "reason"), UNREADABLE)
def test_a_csv_that_cannot_be_read_is_named_and_nothing_of_it_is_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes, options: tuple[str, ...], reason: str
) -> None:
    monkeypatch.setenv("CARTULARY_HOME", str(tmp_path))
    (tmp_path / "people.csv").write_bytes(content)
    result = CliRunner().invoke(app, ["import", "investors", str(tmp_path / "people.csv"), *options])
    assert result.exit_code == 2
    assert reason in result.output.replace("\n", " ")
    assert "Anna" not in result.output


def test_bad_rows_are_shown_and_written_without_their_values_though_nothing_is_served(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CARTULARY_HOME", str(tmp_path))
    people, rejects = tmp_path / "people.csv", tmp_path / "rejects.csv"
    people.write_text(HEADER + "legal,retail,Gasse 1,Bonn,DE\nlegal,retail,Gasse 1,Bonn,DE,Anna Weber,x\n")
    result = CliRunner().invoke(app, ["import", "investors", str(people), "--rejects", str(rejects)])
    assert result.exit_code == 1
    assert "0 imported, 0 already there, 2 rejected" in result.output
    assert "line 2 5 fields, the header has 6" in result.output
    assert rejects.read_text() == (
        'line,column,reason\n2,,"5 fields, the header has 6"\n3,,"7 fields, the header has 6"\n'
    )
