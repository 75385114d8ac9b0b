"""Every store of a deployment written out as plain files: what is compressed there is not compressed here."""

from __future__ import annotations

import re
from pathlib import Path

import asyncpg
from aiokafka.admin import AIOKafkaAdminClient

from libs.adapters.kafka.bus import KafkaBus
from libs.ledger.codec import decode_run, records, split_sealed
from libs.ledger.identity import load_identity
from libs.ledger.opening import open_batch
from libs.ledger.reader import RpcLedgerReader, history
from libs.ledger.record import decode_record
from libs.ledger.rpc import JsonRpc
from libs.ports import INTENTS_TOPIC, LEDGER_TOPIC
from libs.stack.addresses import Addresses

_ALL = 1_000_000


async def dump_everything(addresses: Addresses, home: Path, folder: Path) -> dict[str, int]:
    """Write PostgreSQL's tables, Kafka's records and the ledger's calldata under `folder`; bytes by store."""
    await _postgres(addresses.postgres, folder / "postgres")
    await _kafka(addresses.kafka, home, folder / "kafka")
    await _ledger(addresses.ledger, home, folder / "ledger")
    return {
        store.name: sum(path.stat().st_size for path in store.rglob("*") if path.is_file())
        for store in sorted(folder.iterdir())
    }


async def _postgres(dsn: str, folder: Path) -> None:
    folder.mkdir(parents=True)
    admin = await asyncpg.connect(dsn)
    try:
        databases = await admin.fetch("select datname from pg_database where datallowconn and not datistemplate")
    finally:
        await admin.close()
    for (database,) in databases:
        connection = await asyncpg.connect(dsn, database=database)
        try:
            tables = await connection.fetch(
                "select schemaname, tablename from pg_tables"
                " where schemaname not in ('pg_catalog', 'information_schema')"
            )
            for schema, table in tables:
                with (folder / f"{database}.{schema}.{table}.csv").open("wb") as file:
                    await connection.copy_from_table(table, schema_name=schema, output=file, format="csv")
        finally:
            await connection.close()


async def _kafka(bootstrap: str, home: Path, folder: Path) -> None:
    """Every record as it lies in a topic, and the bodies of the events in it."""
    folder.mkdir(parents=True)
    identity = load_identity(home)
    assert identity is not None
    bus = KafkaBus(bootstrap)
    try:
        for topic, lanes in (await _topics(bootstrap)).items():
            with (folder / re.sub(r"[^\w.-]", "_", topic)).open("wb") as file:
                for lane in lanes:
                    for message in await bus.tail(topic, lane, _ALL):
                        file.write(message.key + b"\n" + message.value + b"\n")
                        for name, value in message.headers.items():
                            file.write(name.encode() + b"=" + value + b"\n")
                        if topic == INTENTS_TOPIC:
                            run = decode_run(split_sealed(message.value)[1])
                            file.writelines(raw + b"\n" for raw, _ in records(run))
                        if topic == LEDGER_TOPIC:
                            place, payload = decode_record(message.value)
                            file.writelines(event.raw + b"\n" for event in open_batch(place, payload))
    finally:
        await bus.close()


async def _topics(bootstrap: str) -> dict[str, list[int]]:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        found = await admin.describe_topics(await admin.list_topics())
        return {one["topic"]: sorted(lane["partition"] for lane in one["partitions"]) for one in found}
    finally:
        await admin.close()


async def _ledger(rpc: str, home: Path, folder: Path) -> None:
    """What anyone with an observer node reads: the bodies out of the calldata."""
    folder.mkdir(parents=True)
    identity = load_identity(home)
    assert identity is not None
    node = RpcLedgerReader(JsonRpc([rpc], timeout_s=10.0), identity)
    try:
        height = await node.height()
        for lane in range(identity.lanes):
            with (folder / f"lane-{lane}").open("wb") as file:
                async for place, payload, call in history(node, lane, 1, identity.deployed_block, height):
                    file.write(payload + b"\n")
                    file.writelines(event.raw + b"\n" for event in open_batch(place, payload))
                    file.write(repr(call).encode() + b"\n")
    finally:
        await node.close()
