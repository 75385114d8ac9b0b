"""The command line lists its commands without importing them, and says what to do when nothing runs."""

import subprocess
import sys
from pathlib import Path

from typer.testing import CliRunner

from libs.cli.main import app, commands
from libs.stack.places import CHECKOUT


def test_every_command_has_one_line_of_help() -> None:
    assert {"up", "down", "status"} <= set(commands())
    assert all(commands().values())


def test_help_lists_the_commands_and_imports_none_of_them() -> None:
    program = (
        "import sys; from typer.testing import CliRunner; from libs.cli.main import app\n"
        "print(CliRunner().invoke(app, ['--help']).output)\n"
        "print([name for name in sys.modules if name.startswith(('libs.cli.', 'libs.stack', 'asyncpg'))])"
    )
    shown = subprocess.run(
        [sys.executable, "-c", program], cwd=CHECKOUT, capture_output=True, text=True, check=True
    ).stdout
    assert "Start the local stack" in shown
    assert shown.strip().endswith("['libs.cli.main']")


def test_an_unknown_command_is_refused() -> None:
    assert CliRunner().invoke(app, ["fly"]).exit_code == 2


def test_status_of_a_stack_that_does_not_run_says_how_to_start_one(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["status", "--home", str(tmp_path)])
    assert result.exit_code == 1
    assert "cartulary up" in result.output


def test_down_twice_is_no_error(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["down", "--home", str(tmp_path)])
    assert result.exit_code == 0
    assert "no stack was running" in result.output
