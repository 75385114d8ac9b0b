"""Which ledger belongs to a state directory; read by every process, so it imports little."""

from __future__ import annotations

from pathlib import Path

import orjson

from libs.kernel.errors import CartularyError, InvalidValue
from libs.ledger.port import LedgerIdentity

ADDRESS_BYTES = 20


class LedgerMismatch(CartularyError):
    """The node's chain, or what stands at the contract's address, is not the ledger that was deployed."""

    code = "ledger-mismatch"


def load_identity(home: Path) -> LedgerIdentity | None:
    """The ledger that `deploy` remembered in this state directory, None before; raises LedgerMismatch."""
    path = home / "ledger.json"
    if not path.exists():
        return None
    try:
        known = orjson.loads(path.read_bytes())
        contract = parse_address(known["contract"])
        return LedgerIdentity(known["chain_id"], contract, known["lanes"], known["deployed_block"])
    except (KeyError, TypeError, ValueError, InvalidValue) as error:
        raise LedgerMismatch(f"{path} cannot be read: {error!r}", field="ledger.json") from error


def parse_address(text: str) -> bytes:
    """The 20 bytes of an address in hex, with or without 0x; raises InvalidValue."""
    try:
        address = bytes.fromhex(text.removeprefix("0x"))
    except ValueError:
        address = b""
    if len(address) != ADDRESS_BYTES:
        raise InvalidValue("an address has 20 bytes in hex", field="contract", value=text)
    return address
