"""Print a token of the local issuer."""

from typing import Annotated

import typer

app = typer.Typer()


@app.command()
def token(
    sub: Annotated[str, typer.Option(help="Pseudonymous subject: no name, no e-mail.")],
    role: Annotated[str, typer.Option(help="Role of the subject: operations, compliance, … (docs/adr/0013).")],
    tenant: Annotated[str, typer.Option(help="Management company whose records it may see.")],
    on_behalf_of: Annotated[str | None, typer.Option(help="Subject that it acts for.")] = None,
    distributor: Annotated[str | None, typer.Option(help="Distributor whose accounts alone it sees.")] = None,
    ttl_s: Annotated[
        int, typer.Option("--ttl", "--ttl-s", min=1, max=31_536_000, help="Seconds until it expires.")
    ] = 28_800,
    rotate: Annotated[bool, typer.Option(help="Sign with a new key; tokens of the old one stay valid.")] = False,
) -> None:
    """Print a signed token; the first one makes the issuer's key under the state directory."""
    from libs.adapters.clock import SystemClock
    from libs.edge.auth import checked_identity
    from libs.edge.issuer import LocalIssuer
    from libs.edge.settings import SettingsInvalid, load_settings
    from libs.kernel.errors import CartularyError

    try:
        settings = load_settings()
        if settings.has_provider:
            raise SettingsInvalid(f"tokens come from the provider {settings.issuer}", field="issuer")
        caller = checked_identity(
            {"sub": sub, "role": role, "tenant": tenant, "on_behalf_of": on_behalf_of, "distributor": distributor}
        )
        issuer = LocalIssuer(settings.issuer_folder, settings.issuer, settings.audience)
        if rotate:
            issuer.rotate()
        typer.echo(issuer.token(caller, SystemClock().now(), ttl_s))
    except (CartularyError, OSError) as error:
        typer.echo(f"cartulary token: {error}", err=True)
        raise typer.Exit(2) from error
