"""The compiled contract, as `contracts/compile.mjs` wrote it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import orjson

from libs.ledger.abi import word

ARTIFACT = Path(__file__).parent / "artifacts" / "event_ledger.json"
# The compiler leaves zeros behind this for an immutable, and the constructor fills it in: `lanes` alone.
_PUSH32 = b"\x7f"


@cache
def artifact() -> Mapping[str, Any]:
    """The compiled contract: `abi`, `bytecode` and `deployed` in hex, `evmVersion`, `source` (sha256)."""
    found: Mapping[str, Any] = orjson.loads(ARTIFACT.read_bytes())
    return found


def creation_code(lanes: int) -> bytes:
    """The code that deploys a ledger with this many lanes."""
    return bytes.fromhex(artifact()["bytecode"]) + word(lanes)


def deployed_code(lanes: int) -> bytes:
    """The exact code that stands at the address of a ledger with this many lanes."""
    code = bytes.fromhex(artifact()["deployed"])
    return code.replace(_PUSH32 + word(0), _PUSH32 + word(lanes))
