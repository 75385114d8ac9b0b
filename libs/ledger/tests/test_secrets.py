"""Secrets on disk and in the environment: made once, shown to nobody, refused when others could read them."""

from __future__ import annotations

import multiprocessing
import threading
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path

import pytest

from libs.ledger.secrets import MasterSecret, SecretUnusable, load_or_create

ENV = "CARTULARY_TEST_SECRET"


def test_a_secret_is_made_once_and_found_again(tmp_path: Path) -> None:
    path = tmp_path / "keys" / "lanes" / "0.key"
    first = load_or_create(path, ENV)
    assert len(first) == 32
    assert load_or_create(path, ENV) == first
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert [found.name for found in path.parent.iterdir()] == ["0.key"]


def test_threads_at_once_end_with_one_secret(tmp_path: Path) -> None:
    start = threading.Barrier(8)

    def together(_: int) -> bytes:
        start.wait(timeout=10)
        return load_or_create(tmp_path / "key", ENV)

    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(together, range(8)))) == 1
    assert [found.name for found in tmp_path.iterdir()] == ["key"]


def test_processes_at_once_end_with_the_same_secrets(tmp_path: Path) -> None:
    paths = [tmp_path / f"{number}.key" for number in range(50)]
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as pool:
        found = list(pool.map(load_or_create, paths * 2, [ENV] * 100))
    assert found[:50] == found[50:]
    assert len(set(found)) == 50
    assert {path.name for path in tmp_path.iterdir()} == {path.name for path in paths}


def test_who_loses_the_race_takes_the_secret_of_the_winner(tmp_path: Path) -> None:
    path = tmp_path / "key"

    def slow() -> bytes:
        load_or_create(path, ENV, lambda: b"w" * 32)
        return b"l" * 32

    assert load_or_create(path, ENV, slow) == b"w" * 32


def test_the_environment_comes_before_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ENV, "0x" + "ab" * 32)
    assert load_or_create(tmp_path / "key", ENV) == b"\xab" * 32
    assert not (tmp_path / "key").exists()


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644])
def test_a_file_open_to_group_or_others_is_refused_with_the_remedy(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "key"
    load_or_create(path, ENV)
    path.chmod(mode)
    with pytest.raises(SecretUnusable, match="chmod 600"):
        load_or_create(path, ENV)


@pytest.mark.parametrize("text", ["", "c0ffee", "zz" * 32, "c0" * 33])
def test_what_is_no_secret_is_refused_and_not_shown(tmp_path: Path, text: str) -> None:
    path = tmp_path / "key"
    path.touch(mode=0o600)
    path.write_text(text)
    with pytest.raises(SecretUnusable) as caught:
        load_or_create(path, ENV)
    assert text == "" or text not in str(caught.value.as_problem())


def test_a_name_that_cannot_be_written_leaves_nothing_behind(tmp_path: Path) -> None:
    def fails() -> bytes:
        raise OSError("no entropy")

    with pytest.raises(OSError, match="no entropy"):
        load_or_create(tmp_path / "key", ENV, fails)
    assert list(tmp_path.iterdir()) == []


def test_every_label_derives_a_secret_of_its_own_and_always_the_same(tmp_path: Path) -> None:
    master = MasterSecret.load(tmp_path)
    labels = ["postgres/funds_api", "postgres/funds_relay", "idempotency"]
    derived = [master.derive(label) for label in labels]
    assert len(set(derived)) == 3
    assert [MasterSecret.load(tmp_path).derive(label) for label in labels] == derived
    assert master.password("funds_api") == derived[0].hex()
    assert (tmp_path / "keys" / "master").stat().st_mode & 0o777 == 0o600


def test_derivation_is_hkdf_sha256_and_frozen() -> None:
    """A known answer computed by hand with HMAC: what was derived once must be derived for ever."""
    import hashlib
    import hmac

    extracted = hmac.digest(bytes(32), b"\x07" * 32, hashlib.sha256)
    expected = hmac.digest(extracted, b"cartulary/idempotency\x01", hashlib.sha256)
    assert MasterSecret(b"\x07" * 32).derive("idempotency") == expected
