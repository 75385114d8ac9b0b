"""Keys come from the keystore folder or the environment, and sign for one lane of one contract."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography.exceptions import InvalidSignature
from eth_account import Account

from libs.ledger.codec import signed_message, split_sealed
from libs.ledger.hashing import genesis_head
from libs.ledger.keys import lane_key, owner_key, producer_key, public_bytes, sealer
from libs.ledger.secrets import SecretUnusable


def test_a_keystore_makes_each_key_once_and_keeps_it_to_itself(tmp_path: Path) -> None:
    first = (lane_key(tmp_path, 0), lane_key(tmp_path, 1), owner_key(tmp_path))
    assert first == (lane_key(tmp_path, 0), lane_key(tmp_path, 1), owner_key(tmp_path))
    assert len(set(first)) == 3
    assert public_bytes(producer_key(tmp_path, "funds")) == public_bytes(producer_key(tmp_path, "funds"))
    files = sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*.key"))
    assert files == ["lanes/0.key", "lanes/1.key", "owner.key", "producers/funds.key"]
    assert {path.stat().st_mode & 0o777 for path in tmp_path.rglob("*.key")} == {0o600}


def test_a_lane_key_is_a_key_of_secp256k1(tmp_path: Path) -> None:
    assert Account.from_key(lane_key(tmp_path, 0)).address.startswith("0x")


def test_a_key_of_the_environment_goes_before_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CARTULARY_LANE_KEY_2", "0x" + "11" * 32)
    monkeypatch.setenv("CARTULARY_OWNER_KEY", "22" * 32)
    monkeypatch.setenv("CARTULARY_PRODUCER_KEY_FUNDS", "33" * 32)
    assert lane_key(tmp_path, 2) == b"\x11" * 32
    assert owner_key(tmp_path) == b"\x22" * 32
    assert producer_key(tmp_path, "funds").private_bytes_raw() == b"\x33" * 32
    assert not any(tmp_path.iterdir())


def test_a_key_that_others_can_read_is_refused(tmp_path: Path) -> None:
    lane_key(tmp_path, 0)
    (tmp_path / "lanes" / "0.key").chmod(0o644)
    with pytest.raises(SecretUnusable, match="chmod 600"):
        lane_key(tmp_path, 0)


def test_w7_a_sealed_run_is_good_for_its_lane_only(tmp_path: Path) -> None:
    key = producer_key(tmp_path, "funds")
    heads = [genesis_head(20261, b"\x01" * 20, lane) for lane in (0, 1)]
    signature, blob = split_sealed(sealer(key, heads.__getitem__)(0, b"run"))
    assert blob == b"run"
    key.public_key().verify(signature, signed_message(heads[0], blob))
    for message in (signed_message(heads[1], blob), signed_message(heads[0], b"another")):
        with pytest.raises(InvalidSignature):
            key.public_key().verify(signature, message)
