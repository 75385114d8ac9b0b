"""Master keys in files: made once, for their owner only, and named when one is missing, cut or wrong."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest

from libs.kernel.errors import CheckUnavailable
from libs.stack.places import CHECKOUT
from libs.vault.errors import MasterKeyMissing, MasterKeyUnusable, MasterKeyWrong
from libs.vault.kek import LocalKeys
from libs.vault.master import Wrapped, context_of

CONTEXT = context_of("acme", "inv-1")
KEY = b"\x05" * 32


def kek_file(folder: Path) -> Path:
    return next(path for path in folder.iterdir() if path.name.startswith("0001-"))


async def wrapped_in(folder: Path) -> Wrapped:
    [wrapped] = await LocalKeys(folder).wrap([(KEY, CONTEXT)])
    return wrapped


async def test_processes_that_start_at_once_end_with_one_key(tmp_path: Path) -> None:
    code = (
        "import asyncio, sys; from pathlib import Path; from libs.vault.kek import LocalKeys;"
        "print(asyncio.run(LocalKeys(Path(sys.argv[1])).newest()))"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "kek")]
    started = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=CHECKOUT) for _ in range(4)]
    said = {process.communicate(timeout=60)[0].splitlines()[-1] for process in started}
    assert len(said) == 1
    assert len(list((tmp_path / "kek").iterdir())) == 1


async def test_a_key_is_for_its_owner_only(tmp_path: Path) -> None:
    wrapped = await wrapped_in(tmp_path / "kek")
    path = kek_file(tmp_path / "kek")
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    path.chmod(0o640)
    keys = LocalKeys(tmp_path / "kek")
    with pytest.raises(MasterKeyUnusable, match="chmod 600"):
        await keys.wrap([(KEY, CONTEXT)])
    [result] = await keys.unwrap([(wrapped, CONTEXT)])
    assert isinstance(result, MasterKeyUnusable)


@pytest.mark.parametrize("content", ["", "ab" * 31, "ab" * 33, "zz", "é"])
async def test_a_key_that_is_cut_or_not_hex_is_refused_and_not_shown(tmp_path: Path, content: str) -> None:
    wrapped = await wrapped_in(tmp_path)
    kek_file(tmp_path).write_text(content)
    [result] = await LocalKeys(tmp_path).unwrap([(wrapped, CONTEXT)])
    assert isinstance(result, MasterKeyUnusable)
    assert not content or content not in result.detail
    with pytest.raises(CheckUnavailable):
        await LocalKeys(tmp_path).wrap([(KEY, CONTEXT)])


async def test_another_key_under_the_name_is_told_from_the_right_one(tmp_path: Path) -> None:
    wrapped = await wrapped_in(tmp_path)
    kek_file(tmp_path).write_text("ab" * 32)
    [result] = await LocalKeys(tmp_path).unwrap([(wrapped, CONTEXT)])
    assert isinstance(result, MasterKeyWrong)


async def test_a_missing_key_is_named_and_works_again_when_it_is_back(tmp_path: Path) -> None:
    wrapped = await wrapped_in(tmp_path)
    path = kek_file(tmp_path)
    away = path.rename(tmp_path / "away")
    keys = LocalKeys(tmp_path)
    fresh = await keys.newest()
    assert fresh != wrapped.kek
    [result] = await keys.unwrap([(wrapped, CONTEXT)])
    assert isinstance(result, MasterKeyMissing)
    assert str(path) in result.detail
    away.rename(path)
    assert await keys.unwrap([(wrapped, CONTEXT)]) == [KEY]


async def test_a_rotation_is_seen_by_a_process_that_runs(tmp_path: Path) -> None:
    running, other = LocalKeys(tmp_path), LocalKeys(tmp_path)
    [old] = await running.wrap([(KEY, CONTEXT)])
    made = await asyncio.gather(other.rotate(), LocalKeys(tmp_path).rotate())
    assert await running.newest() == max(made)
    [new] = await running.wrap([(KEY, CONTEXT)])
    assert new.kek == max(made)
    assert await running.unwrap([(old, CONTEXT), (new, CONTEXT)]) == [KEY, KEY]


async def test_a_wrapped_key_opens_for_its_own_subject_only_and_unaltered(tmp_path: Path) -> None:
    keys = LocalKeys(tmp_path)
    [wrapped] = await keys.wrap([(KEY, CONTEXT)])
    wrong = [
        (wrapped, context_of("acme", "inv-2")),
        (wrapped, context_of("other", "inv-1")),
        (Wrapped(wrapped.kek, wrapped.content[:-1]), CONTEXT),
        (Wrapped(wrapped.kek, wrapped.content[:-1] + bytes([wrapped.content[-1] ^ 1])), CONTEXT),
        (Wrapped(wrapped.kek, b""), CONTEXT),
    ]
    assert [type(result) for result in await keys.unwrap(wrong)] == [MasterKeyWrong] * len(wrong)
