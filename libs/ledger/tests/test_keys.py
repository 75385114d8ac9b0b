"""Signing keys of lanes, owner and producers: from the keystore or the environment, never from code."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography.exceptions import InvalidSignature
from eth_account import Account

from libs.kernel.secrets import SecretUnusable
from libs.ledger.codec import signed_message, split_sealed
from libs.ledger.keys import lane_key, owner_key, producer_key, public_bytes, sealer

# The smallest number that is no private key, and zero, which is none either.
CURVE_ORDER = "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141"


def test_every_lane_the_owner_and_every_producer_have_keys_of_their_own(tmp_path: Path) -> None:
    keys = [lane_key(tmp_path, 0), lane_key(tmp_path, 1), owner_key(tmp_path)]
    assert len({Account.from_key(key).address for key in keys}) == 3
    assert keys == [lane_key(tmp_path, 0), lane_key(tmp_path, 1), owner_key(tmp_path)]
    public = {public_bytes(producer_key(tmp_path, service)) for service in ("funds", "orders")}
    assert len(public) == 2
    made = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*.key")}
    assert made == {"lanes/0.key", "lanes/1.key", "owner.key", "producers/funds.key", "producers/orders.key"}
    assert {path.stat().st_mode & 0o777 for path in tmp_path.rglob("*.key")} == {0o600}


def test_keys_from_the_environment_are_used_and_not_stored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LANE_KEY_2", "OWNER_KEY", "PRODUCER_KEY_FUNDS"):
        monkeypatch.setenv(f"CARTULARY_{name}", "11" * 32)
    assert lane_key(tmp_path, 2) == owner_key(tmp_path) == b"\x11" * 32
    assert producer_key(tmp_path, "funds").private_bytes_raw() == b"\x11" * 32
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("number", ["00" * 32, CURVE_ORDER, "ff" * 32])
def test_a_number_outside_the_curve_is_no_lane_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: str
) -> None:
    monkeypatch.setenv("CARTULARY_LANE_KEY_0", number)
    with pytest.raises(SecretUnusable, match="secp256k1"):
        lane_key(tmp_path, 0)


def test_w7_a_sealed_run_is_signed_for_its_lane_alone(tmp_path: Path) -> None:
    key = producer_key(tmp_path, "funds")
    heads = {0: b"0" * 32, 1: b"1" * 32}
    signature, blob = split_sealed(sealer(key, heads.__getitem__)(1, b"a run"))
    assert blob == b"a run"
    key.public_key().verify(signature, signed_message(heads[1], blob))
    for head, run in ((heads[0], blob), (heads[1], b"another")):
        with pytest.raises(InvalidSignature):
            key.public_key().verify(signature, signed_message(head, run))
