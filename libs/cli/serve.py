"""Serve one service, several, or all of them in this process."""

from typing import Annotated

import typer

app = typer.Typer()


@app.command()
def serve(
    services: Annotated[list[str], typer.Argument(help="Names of services, or `all`.")],
    only: Annotated[
        str | None, typer.Option(help="Roles to run, comma separated: api,relay,commit,react,clock.")
    ] = None,
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on; 0 takes a free one.")] = None,
    instance: Annotated[str | None, typer.Option(help="Name of this process among its like.")] = None,
) -> None:
    """Serve until Ctrl-C or SIGTERM; then finish what is in flight, drain and close."""
    from libs.adapters.clock import SystemClock
    from libs.cli.parts import with_local_stack
    from libs.edge.serve import serve as run
    from libs.edge.settings import load_settings
    from libs.kernel.errors import CartularyError

    given = {"roles": only, "host": host, "port": port, "instance": instance}
    try:
        settings = load_settings().having(**{name: value for name, value in given.items() if value is not None})
        settings = with_local_stack(settings)
        shown = ", ".join(services)
        run(services, settings, SystemClock(), lambda address: typer.echo(f"serving {shown} at {address}"))
    except CartularyError as error:
        typer.echo(f"cartulary serve: {error.detail}", err=True)
        raise typer.Exit(2) from error
