"""Master keys in a transit engine: bound waits, errors named, each wrapped key bound to its subject."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from pydantic import SecretStr

from libs.vault.errors import MasterKeyAway, MasterKeyMissing, MasterKeyWrong
from libs.vault.master import Wrapped, context_of
from libs.vault.tests.transit_server import TOKEN, TransitServer
from libs.vault.tests.vaults import opened_name, sealed_name, vault_on
from libs.vault.transit import BATCH, Patience, TransitKeys

QUICK = Patience(answer_s=0.3, tries=3, pause_s=0.01)
CONTEXT = context_of("acme", "inv-1")
KEY = b"\x05" * 32


@pytest_asyncio.fixture
async def server() -> AsyncIterator[TransitServer]:
    async with TransitServer().running() as running:
        yield running


def transit(server: TransitServer, token: str = TOKEN, key: str = "cartulary") -> TransitKeys:
    return TransitKeys(server.url, SecretStr(token), key, patience=QUICK)


async def test_keys_are_wrapped_in_batches_and_opened_again(server: TransitServer) -> None:
    keys = transit(server)
    clear = [(bytes([number % 256]) * 32, context_of("acme", str(number))) for number in range(BATCH + 7)]
    wrapped = await keys.wrap(clear)
    assert {one.kek for one in wrapped} == {"transit/transit/cartulary:v1"}
    opened = await keys.unwrap([(one, context) for one, (_, context) in zip(wrapped, clear, strict=True)])
    assert opened == [key for key, _ in clear]
    assert server.asked == ["encrypt"] * 2 + ["decrypt"] * 2
    assert await keys.unwrap([]) == []
    await keys.close()


async def test_a_wrapped_key_of_one_subject_does_not_open_as_anothers(server: TransitServer) -> None:
    keys = transit(server)
    [wrapped] = await keys.wrap([(KEY, CONTEXT)])
    altered = Wrapped(wrapped.kek, wrapped.content[:-8] + b"AAAAAAA=")
    results = await keys.unwrap([
        (wrapped, CONTEXT), (wrapped, context_of("acme", "inv-2")), (altered, CONTEXT),
        (Wrapped(wrapped.kek, b"\xff\x00"), CONTEXT), (Wrapped("local-0001-00", b"x"), CONTEXT),
    ])  # fmt: skip
    assert [one if isinstance(one, bytes) else type(one) for one in results] == [
        KEY, MasterKeyWrong, MasterKeyWrong, MasterKeyWrong, MasterKeyMissing,
    ]  # fmt: skip
    await keys.close()


async def test_after_a_rotation_old_keys_open_and_new_ones_have_the_new_version(server: TransitServer) -> None:
    keys = transit(server)
    [old] = await keys.wrap([(KEY, CONTEXT)])
    assert await keys.rotate() == "transit/transit/cartulary:v2" == await keys.newest()
    [new] = await keys.wrap([(KEY, CONTEXT)])
    assert new.kek.endswith(":v2")
    assert await keys.unwrap([(old, CONTEXT), (new, CONTEXT)]) == [KEY, KEY]
    await keys.close()


async def test_inv11_a_wrong_token_is_named_at_once_and_never_shown(server: TransitServer) -> None:
    keys = transit(server, token="hvs.stolen")
    with pytest.raises(MasterKeyAway, match="refuses the token") as refused:
        await keys.wrap([(KEY, CONTEXT)])
    assert server.asked == ["encrypt"]
    assert "stolen" not in str(refused.value.as_problem()) + repr(vars(keys))
    await keys.close()


async def test_inv11_a_sealed_engine_is_asked_a_few_times_only(server: TransitServer) -> None:
    server.sealed = True
    keys = transit(server)
    with pytest.raises(MasterKeyAway, match="status 503"):
        await keys.unwrap([(Wrapped("transit/transit/cartulary:v1", b"vault:v1:x"), CONTEXT)])
    assert len(server.asked) == QUICK.tries
    with pytest.raises(MasterKeyAway):
        await keys.rotate()
    assert len(server.asked) == QUICK.tries + 1
    await keys.close()


async def test_inv11_a_slow_or_dead_engine_is_not_waited_for_long(server: TransitServer) -> None:
    server.slow_s = 30
    for keys in (transit(server), TransitKeys("http://127.0.0.1:1", SecretStr(TOKEN), "cartulary", patience=QUICK)):
        started = time.monotonic()
        with pytest.raises(MasterKeyAway):
            await keys.newest()
        assert time.monotonic() - started < 3 * QUICK.answer_s + 1
        await keys.close()


async def test_a_passing_fault_is_not_seen_by_the_caller(server: TransitServer) -> None:
    server.failures = 2
    keys = transit(server)
    assert len(await keys.wrap([(KEY, CONTEXT)])) == 1
    await keys.close()


async def test_a_key_that_does_not_exist_is_named(server: TransitServer) -> None:
    keys = transit(server, key="other")
    for call in (keys.newest(), keys.wrap([(KEY, CONTEXT)])):
        with pytest.raises(MasterKeyMissing, match="no such key"):
            await call
    await keys.close()


async def test_a_vault_works_the_same_on_a_transit_engine(dsn: str, server: TransitServer) -> None:
    async with vault_on(dsn, transit(server)) as one, vault_on(dsn, transit(server)) as other:
        data = await sealed_name(one, "inv-t1", "Anna")
        await other.master.rotate()
        assert await opened_name(other, "inv-t1", data) == "Anna"
        server.sealed = True
    async with vault_on(dsn, transit(server)) as third:
        with pytest.raises(MasterKeyAway):
            await opened_name(third, "inv-t1", data)
