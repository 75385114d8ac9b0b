"""Secrets: made once, kept to their owner, never shown."""

from __future__ import annotations

import hmac
import os
import subprocess
import sys
from pathlib import Path

import pytest

from libs.kernel.secrets import MasterSecret, SecretUnusable, load_or_create

ROOT = Path(__file__).resolve().parents[3]
# Waits until the file `go` is there, so that all processes begin together.
RACER = """
import sys
from pathlib import Path
from libs.kernel.secrets import load_or_create
path = Path(sys.argv[1])
print("ready", flush=True)
sys.stdin.readline()
print(load_or_create(path, "CARTULARY_NO_SUCH_KEY").hex())
"""


def test_two_processes_at_once_end_with_the_same_secret(tmp_path: Path) -> None:
    path = tmp_path / "keys" / "master"
    pipe, env = subprocess.PIPE, {**os.environ, "PYTHONPATH": str(ROOT)}
    racers = [
        subprocess.Popen([sys.executable, "-c", RACER, str(path)], stdin=pipe, stdout=pipe, text=True, env=env)
        for _ in range(2)
    ]
    for one in racers:
        assert one.stdout is not None
        assert one.stdout.readline() == "ready\n"
    for one in racers:
        assert one.stdin is not None
        one.stdin.write("\n")
        one.stdin.flush()
    ended = [one.communicate(timeout=60)[0].strip() for one in racers]
    assert ended[0] == ended[1] == path.read_text()
    assert [entry.name for entry in path.parent.iterdir()] == ["master"]


def test_who_loses_the_race_takes_the_winners_secret(tmp_path: Path) -> None:
    """The file appears between the look and the making."""
    path = tmp_path / "secret"

    def while_another_wins() -> bytes:
        load_or_create(path, "CARTULARY_NO_SUCH_KEY", lambda: b"w" * 32)
        return b"l" * 32

    assert load_or_create(path, "CARTULARY_NO_SUCH_KEY", while_another_wins) == b"w" * 32
    assert [entry.name for entry in tmp_path.iterdir()] == ["secret"]


def test_a_secret_is_made_once_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "keys" / "one"
    made = load_or_create(path, "CARTULARY_NO_SUCH_KEY")
    assert len(made) == 32
    assert load_or_create(path, "CARTULARY_NO_SUCH_KEY") == made
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o666, 0o611])
def test_a_secret_that_others_can_reach_is_refused_with_the_way_out(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "one"
    secret = load_or_create(path, "CARTULARY_NO_SUCH_KEY")
    path.chmod(mode)
    with pytest.raises(SecretUnusable, match="chmod 600") as refused:
        load_or_create(path, "CARTULARY_NO_SUCH_KEY")
    assert secret.hex() not in str(refused.value.as_problem())


def test_the_environment_goes_before_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CARTULARY_SOME_KEY", "0x" + "ab" * 32)
    assert load_or_create(tmp_path / "one", "CARTULARY_SOME_KEY") == b"\xab" * 32
    assert not (tmp_path / "one").exists()


@pytest.mark.parametrize("text", ["xyz", "ab" * 31, "ab" * 33, "0x"])
def test_a_secret_that_is_cut_off_or_no_hex_is_refused_and_not_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    monkeypatch.setenv("CARTULARY_SOME_KEY", text)
    with pytest.raises(SecretUnusable) as refused:
        load_or_create(tmp_path / "one", "CARTULARY_SOME_KEY")
    assert text.removeprefix("0x") == "" or text not in str(refused.value)
    path = tmp_path / "two"
    path.touch(mode=0o600)
    path.write_text(text)
    with pytest.raises(SecretUnusable, match=str(path)):
        load_or_create(path, "CARTULARY_NO_SUCH_KEY")


def test_what_is_derived_from_the_master_depends_on_label_and_master(tmp_path: Path) -> None:
    master = MasterSecret.load(tmp_path)
    assert (tmp_path / "keys" / "master").exists()
    assert MasterSecret.load(tmp_path).derive("idempotency") == master.derive("idempotency")
    assert len({master.derive("a"), master.derive("b"), MasterSecret(b"\1" * 32).derive("a")}) == 3
    assert master.password("funds_api") == master.derive("postgres/funds_api").hex()


def test_the_derivation_is_hkdf_sha256_and_stays_so() -> None:
    """Another derivation would lock every deployment out of its own databases."""
    master = bytes(range(32))
    extracted = hmac.digest(bytes(32), master, "sha256")
    assert MasterSecret(master).derive("idempotency") == hmac.digest(extracted, b"cartulary/idempotency\x01", "sha256")
