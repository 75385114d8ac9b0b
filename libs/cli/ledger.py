"""Deploy the ledger contract, or show what it holds."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from libs.ledger.reader import RpcLedgerReader

app = typer.Typer(no_args_is_help=True, add_completion=False, help=__doc__)

_HOME = Path("~/.local/share/cartulary")

Rpc = Annotated[str, typer.Option("--rpc", envvar="CARTULARY_LEDGER_RPC", help="Addresses of nodes, comma separated.")]
Home = Annotated[Path, typer.Option("--home", envvar="CARTULARY_HOME", help="The state directory.")]


@app.command()
def deploy(
    rpc: Rpc,
    lanes: Annotated[int, typer.Option(min=1, help="How many lanes, for good.")] = 4,
    producer: Annotated[list[str] | None, typer.Option(help="A service that writes; repeat it.")] = None,
    home: Home = _HOME,
) -> None:
    """Deploy the contract if there is none, grant its lanes and register the producers."""
    import asyncio

    from libs.kernel.errors import CartularyError
    from libs.ledger.deploy import deploy as deploy_ledger

    where = home.expanduser()
    try:
        found = asyncio.run(deploy_ledger(_urls(rpc), where / "keys", where, lanes=lanes, producers=producer or []))
    except CartularyError as error:
        raise _failed(error) from None
    typer.echo(
        f"The ledger is 0x{found.contract.hex()} on chain {found.chain_id}: {found.lanes} lanes, "
        f"deployed in block {found.deployed_block}."
    )


@app.command()
def show(
    rpc: Rpc,
    home: Home = _HOME,
    contract: Annotated[
        str | None, typer.Option(envvar="CARTULARY_LEDGER_CONTRACT", help="Another ledger's address, 0x….")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show the contract's address, its lanes with their holders, and the producers' marks."""
    import asyncio
    import json

    from libs.kernel.errors import CartularyError

    try:
        seen = asyncio.run(_look(_urls(rpc), home.expanduser(), contract))
    except CartularyError as error:
        raise _failed(error) from None
    if as_json:
        typer.echo(json.dumps(seen, indent=2))
    else:
        _print(seen)


async def _look(urls: list[str], home: Path, contract: str | None) -> dict[str, Any]:
    from libs.kernel.errors import NotFound
    from libs.ledger.identity import load_identity, parse_address
    from libs.ledger.reader import RpcLedgerReader

    known = load_identity(home)
    if contract is not None:
        reader = await RpcLedgerReader.connect(urls, parse_address(contract))
    elif known is not None:
        reader = await RpcLedgerReader.connect(urls, known.contract, known.deployed_block)
    else:
        raise NotFound(f"no ledger is remembered in {home}; run: cartulary ledger deploy", field="home")
    try:
        return await _state(reader)
    finally:
        await reader.close()


async def _state(reader: RpcLedgerReader) -> dict[str, Any]:
    identity, height = reader.identity, await reader.height()
    keys = {found.service: found.key.hex() for found in await reader.producers()}
    lanes = []
    for number in range(identity.lanes):
        state, holder = await reader.lane(number), await reader.holder(number)
        marks = {service: await reader.mark(number, service) for service in keys}
        lanes.append(
            {
                "lane": number,
                "next": state.next,
                "head": "0x" + state.head.hex(),
                "holder": "0x" + holder.hex() if any(holder) else None,
                "marks": {service: mark._asdict() for service, mark in marks.items() if mark.epoch},
            }
        )
    return {
        "contract": "0x" + identity.contract.hex(),
        "chain_id": identity.chain_id,
        "deployed_block": identity.deployed_block,
        "height": height,
        "producers": keys,
        "lanes": lanes,
    }


def _print(seen: dict[str, Any]) -> None:
    from rich.console import Console
    from rich.table import Column, Table

    console = Console()
    console.print(f"Ledger {seen['contract']} on chain {seen['chain_id']}, block {seen['height']}")
    lanes = Table(
        "lane",
        "next",
        Column("head", overflow="fold"),
        Column("holder", overflow="fold"),
        "marks (epoch.seq)",
    )
    for lane in seen["lanes"]:
        marks = ", ".join(f"{name} {mark['epoch']}.{mark['last']}" for name, mark in lane["marks"].items())
        lanes.add_row(str(lane["lane"]), str(lane["next"]), lane["head"], lane["holder"] or "nobody", marks)
    producers = Table("producer", "key (Ed25519)")
    for name, key in seen["producers"].items():
        producers.add_row(name, key)
    console.print(lanes, producers)


def _urls(rpc: str) -> list[str]:
    return [url.strip() for url in rpc.split(",") if url.strip()]


def _failed(error: Exception) -> typer.Exit:
    typer.echo(str(error), err=True)
    return typer.Exit(1)
