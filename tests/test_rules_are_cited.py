"""Every rule of the write path, of funds and of investors is cited by at least one test."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = ("libs", "services", "contracts", "tests", "tests-e2e")
RULES = [f"{letter}-{number}" for letter, last in (("W", 25), ("F", 4), ("I", 8)) for number in range(1, last + 1)]
_CITED = re.compile(r"\b([WFI])[-_]?0?(\d{1,2})(?=\D|$)", re.IGNORECASE)


def _cited() -> set[str]:
    """The rules in the names and docstrings of tests and of the ports' suites."""
    found: set[str] = set()
    for folder in FOLDERS:
        for path in (ROOT / folder).rglob("*.py"):
            suite = path.parent == ROOT / "libs" / "testkit" / "ports"
            if not (suite or path.name.startswith("test_")) or path.name == Path(__file__).name:
                continue
            tree = ast.parse(path.read_text())
            for node in ast.walk(tree):
                if not isinstance(node, ast.Module | ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                    continue
                name = getattr(node, "name", "").replace("_", " ")
                said = f"{name} {ast.get_docstring(node) or ''}"
                found.update(f"{letter.upper()}-{number}" for letter, number in _CITED.findall(said))
    return found


CITED = _cited()


@pytest.mark.parametrize("rule", RULES)
def test_every_rule_is_cited_by_a_test(rule: str) -> None:
    assert rule in CITED
