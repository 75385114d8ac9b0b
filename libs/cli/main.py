"""The console script `cartulary`: finds its commands in this folder and imports one only when it runs.

A command is a file `libs/cli/<name>.py` with a top-level `app = typer.Typer(...)`; the first line of its
docstring is its help. With one `@app.command()` it is `cartulary <name>`, with several it is a group
`cartulary <name> <command>`. An underscore in the file's name becomes a dash; one at its end, beside a
word of Python's own, is left out.
"""

import ast
import importlib
from functools import cache
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

FOLDER = Path(__file__).resolve().parent


def command_name(stem: str) -> str:
    """The command that a file holds."""
    return stem.rstrip("_").replace("_", "-")


@cache
def commands() -> dict[str, str]:
    """Every command of this folder and its one line of help, read without importing anything."""
    found: dict[str, str] = {}
    for path in sorted(FOLDER.glob("*.py")):
        tree = ast.parse(path.read_text())
        targets = [target for node in tree.body if isinstance(node, ast.Assign) for target in node.targets]
        is_command = any(isinstance(target, ast.Name) and target.id == "app" for target in targets)
        if path.stem != "main" and is_command:
            found[command_name(path.stem)] = (ast.get_docstring(tree) or "").partition("\n")[0]
    return found


class LazyGroup(TyperGroup):
    """A group that knows the names of its commands and imports the one that is asked for."""

    listing = False

    # typer carries its own private copy of click, hence Any where click would name the type.
    def list_commands(self, ctx: Any) -> list[str]:
        """Names of all commands, in order."""
        return list(commands())

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The command itself, or only its name and help while the list is being shown."""
        if cmd_name not in commands():
            return None
        if self.listing:
            return TyperCommand(cmd_name, help=commands()[cmd_name])
        stem = next(path.stem for path in FOLDER.glob("*.py") if command_name(path.stem) == cmd_name)
        module = importlib.import_module(f"libs.cli.{stem}")
        command = typer.main.get_command(module.app)
        command.name = cmd_name
        return command

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Shows the list of commands without importing them."""
        self.listing = True
        try:
            super().format_help(ctx, formatter)
        finally:
            self.listing = False


app = typer.Typer(cls=LazyGroup, no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)


def show_version(wanted: bool) -> None:
    """Prints the version and ends, when `--version` was given."""
    if wanted:
        from importlib.metadata import version

        typer.echo(version("cartulary"))
        raise typer.Exit


@app.callback()
def main(
    version: Annotated[
        bool, typer.Option("--version", callback=show_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Cartulary: a digital transfer agency; no state change takes effect until the ledger has it."""
