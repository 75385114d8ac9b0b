"""The artifact: what the source compiles to, for London, at a price that is printed."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from contracts.tests.chain import LedgerUnderTest
from libs.ledger import abi
from libs.ledger.artifact import ARTIFACT, artifact
from libs.testkit.anvil import node_modules

CONTRACTS = Path(__file__).resolve().parents[1]
PUSH0, PUSH1, PUSH32 = 0x5F, 0x60, 0x7F
# Events in a batch -> the most gas for each of them.
MOST_GAS = {1: 80_000, 100: 3_500, 2000: 3_000}


def opcodes(code: bytes) -> set[int]:
    """The instructions of a code without metadata; the bytes that a PUSH carries are none."""
    found, at = set(), 0
    while at < len(code):
        found.add(code[at])
        at += 1 + (code[at] - PUSH1 + 1 if PUSH1 <= code[at] <= PUSH32 else 0)
    return found


def test_the_code_is_for_london_without_push0() -> None:
    """ledger.md, quirk 7: the genesis stops at London."""
    assert artifact()["evmVersion"] == "london"
    assert PUSH0 not in opcodes(bytes.fromhex(artifact()["deployed"]))
    assert PUSH0 not in opcodes(bytes.fromhex(artifact()["bytecode"]))


def test_the_artifact_was_made_from_this_source() -> None:
    source = (CONTRACTS / "EventLedger.sol").read_bytes()
    assert artifact()["source"] == hashlib.sha256(source).hexdigest()


def test_the_artifact_is_what_the_compiler_makes(tmp_path: Path) -> None:
    node = shutil.which("node")
    if node is None or not (node_modules() / "solc").is_dir():
        pytest.skip("node or solc is missing; scripts/setup brings them")
    out = tmp_path / "again.json"
    known = {**os.environ, "CARTULARY_NODE_MODULES": str(node_modules())}
    subprocess.run([node, CONTRACTS / "compile.mjs", out], check=True, env=known, timeout=100)
    assert out.read_bytes() == ARTIFACT.read_bytes()


def test_the_light_encoder_knows_every_error_of_the_contract() -> None:
    names = {entry["name"] for entry in artifact()["abi"] if entry["type"] == "error"}
    assert set(abi.ERRORS.values()) == names


def test_gas_per_event_stays_low(
    ledger: LedgerUnderTest,
    capsys: pytest.CaptureFixture[str],
    record_property: Callable[[str, object], None],
) -> None:
    """About 100 random payload bytes an event, as measured on real events (ledger.md)."""
    ledger.attest(ledger.batch(1))
    for count, most in MOST_GAS.items():
        used = ledger.attest(ledger.batch(count, payload_bytes=100 * count))["gasUsed"]
        record_property(f"gas_per_event_{count}", used / count)
        with capsys.disabled():
            sys.stdout.write(f"\n  EventLedger: {used / count:,.0f} gas an event in a batch of {count:,}\n")
        assert used <= most * count
