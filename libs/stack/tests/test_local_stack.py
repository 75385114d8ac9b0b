"""The local stack is up once, finds its data after every kind of death, and leaves alone what is given by
address."""

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import aiohttp
import asyncpg
import psutil
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import TopicAlreadyExistsError

from libs.stack.addresses import VARIABLES, Addresses
from libs.stack.local import PROBES, AlreadyUp, LocalStack
from libs.stack.part import PartFailed, until
from libs.stack.places import CHECKOUT
from libs.stack.processes import PidFile
from libs.stack.tests.transfers import SENDER, transfer

TOPIC = "found-again"
PARTS = ("postgres", "kafka", "ledger")
STRANGER = "127.0.0.1:1"


@pytest.fixture(autouse=True)
def _nothing_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in VARIABLES.values():
        monkeypatch.delenv(variable, raising=False)


@pytest.fixture
def home() -> Iterator[Path]:
    # Not pytest's tmp_path: root's PostgreSQL runs as another user, and pytest closes that folder to others.
    with tempfile.TemporaryDirectory(prefix="cartulary-stack-", ignore_cleanup_errors=True) as folder:
        yield Path(folder)
        for file in Path(folder).rglob("*.pid.json"):
            PidFile(file).end()


def here(home: Path) -> LocalStack:
    return LocalStack(home, block_time_s=0.1, faults=True)


@contextmanager
def in_the_background(home: Path) -> Iterator[subprocess.Popen[str]]:
    """The stack as `cartulary up --detach` starts it."""
    command = [sys.executable, "-m", "libs.stack", "--home", str(home), "--block-time", "0.1"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=CHECKOUT) as process:
        assert process.stdout is not None
        assert any(line.startswith("stack\tready") for line in process.stdout)
        yield process


async def count_rows(addresses: Addresses, write: bool = False) -> int:
    connection = await asyncpg.connect(addresses.postgres)
    try:
        if write:
            await connection.execute("CREATE TABLE IF NOT EXISTS kept (id bigint)")
            await connection.execute("INSERT INTO kept VALUES (1)")
        return int(await connection.fetchval("SELECT count(*) FROM kept"))
    finally:
        await connection.close()


async def count_records(addresses: Addresses, write: bool = False) -> int:
    if write:
        await create_topic(addresses)
        async with AIOKafkaProducer(bootstrap_servers=addresses.kafka, enable_idempotence=True) as producer:
            await producer.send_and_wait(TOPIC, b"kept", partition=0)
    consumer = AIOKafkaConsumer(bootstrap_servers=addresses.kafka)
    await consumer.start()
    try:
        partition = TopicPartition(TOPIC, 0)
        return int((await consumer.end_offsets([partition]))[partition])
    finally:
        await consumer.stop()


async def create_topic(addresses: Addresses) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=addresses.kafka)
    await admin.start()
    try:
        await admin.create_topics([NewTopic(TOPIC, num_partitions=1, replication_factor=1)])
    except TopicAlreadyExistsError:
        return
    finally:
        await admin.close()


async def count_transactions(addresses: Addresses, write: bool = False) -> int:
    async def call(method: str, *params: object) -> str:
        body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        async with aiohttp.ClientSession() as session, session.post(addresses.ledger, json=body) as answer:
            return str((await answer.json())["result"])

    async def mined() -> int:
        return int(await call("eth_getTransactionCount", SENDER, "latest"), 16)

    if write:
        nonce = await mined()
        await call("eth_sendRawTransaction", transfer(nonce))
        assert await until(lambda: is_more(mined, nonce), 10)
    return await mined()


async def is_more(count: Callable[[], Awaitable[int]], than: int) -> bool:
    return await count() > than


COUNTS = {"postgres": count_rows, "kafka": count_records, "ledger": count_transactions}


async def test_a_stack_is_up_once_finds_its_data_again_and_ends_what_it_started(home: Path) -> None:
    stack = here(home)
    addresses = await stack.up()
    before = {part: await COUNTS[part](addresses, write=True) for part in PARTS}
    pids = [stack.pid(part) for part in PARTS]
    with pytest.raises(AlreadyUp):
        await here(home).up()
    assert LocalStack(home).addresses() == addresses
    status = await LocalStack(home).status()
    assert [(part.part, part.is_well) for part in status] == [(part, True) for part in VARIABLES]
    await stack.down()
    assert not any(psutil.pid_exists(pid) for pid in pids if pid)
    assert await LocalStack(home).status() == []
    with pytest.raises(PartFailed, match="no stack runs"):
        LocalStack(home).addresses()

    again = await stack.up()
    assert again == addresses, "a state directory keeps its ports"
    assert {part: await COUNTS[part](again) for part in PARTS} == before
    await stack.down()


async def test_a_part_that_is_killed_comes_back_with_its_data(home: Path) -> None:
    stack = here(home)
    addresses = await stack.up()
    try:
        for part in PARTS:
            before = await COUNTS[part](addresses, write=True)
            killed = stack.pid(part)
            assert killed is not None
            os.kill(killed, signal.SIGKILL)
            assert await until(partial(is_back, stack, part, killed), 60), part
            assert await COUNTS[part](addresses) == before
            assert await COUNTS[part](addresses, write=True) == before + 1
    finally:
        await stack.down()


async def is_back(stack: LocalStack, part: str, killed: int) -> bool:
    return stack.pid(part) not in (None, killed) and await PROBES[part](stack.addresses().of(part))


async def test_an_up_that_was_killed_leaves_orphans_that_the_next_up_ends(home: Path) -> None:
    with in_the_background(home) as process:
        addresses = LocalStack(home).addresses()
        before = {part: await COUNTS[part](addresses, write=True) for part in PARTS}
        orphans = [LocalStack(home).pid(part) for part in PARTS]
        process.kill()
    assert all(psutil.pid_exists(pid) for pid in orphans if pid)
    stack = here(home)
    again = await stack.up()
    try:
        assert not any(psutil.pid_exists(pid) for pid in orphans if pid)
        assert {part: await COUNTS[part](again) for part in PARTS} == before
    finally:
        await stack.down()


async def test_down_ends_the_stack_of_another_process(home: Path) -> None:
    with in_the_background(home) as process:
        pids = [LocalStack(home).pid(part) for part in PARTS]
        assert await LocalStack(home).down()
        assert process.wait(10) == 0
    assert not any(psutil.pid_exists(pid) for pid in pids if pid)
    assert not await LocalStack(home).down()


async def test_what_is_given_by_address_is_used_and_nothing_is_started_for_it(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = {part: f"chdb://{home}/given" if part == "clickhouse" else STRANGER for part in VARIABLES}
    given |= {"postgres": f"postgresql://{STRANGER}/x", "ledger": f"http://{STRANGER}"}
    for part, variable in VARIABLES.items():
        monkeypatch.setenv(variable, given[part])
    told: list[tuple[str, str]] = []
    stack = LocalStack(home, progress=lambda part, what, address, seconds: told.append((part, what)))
    addresses = await stack.up()
    try:
        assert {part: addresses.of(part) for part in VARIABLES} == given
        assert [stack.pid(part) for part in PARTS] == [None, None, None]
        assert ("kafka", "given, does not answer") in told
        assert ("clickhouse", "given") in told
    finally:
        await stack.down()
