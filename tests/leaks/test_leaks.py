"""After the demo, none of its people's data stands in clear in any store, log or trace (invariant 6)."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from libs.stack.local import LocalStack
from libs.stack.places import CHECKOUT
from tests.leaks.dumps import dump_everything
from tests.leaks.needles import needles, texts_of, texts_of_list, texts_of_story
from tests.leaks.scan import search

DATA = CHECKOUT / "tests-e2e" / "data"
_DEMO_WITHIN_S = 300


@pytest.fixture(scope="module")
def demo_home() -> Iterator[Path]:
    """The state directory of a demo that ran, spans in its logs too; nothing of it runs any more."""
    # Not among pytest's folders: another session of pytest takes away PostgreSQL's way into them.
    with tempfile.TemporaryDirectory(prefix="cartulary-demo-", ignore_cleanup_errors=True) as folder:
        home = Path(folder)
        home.chmod(0o711)
        _run_demo(home)
        yield home


def _run_demo(home: Path) -> None:
    environment = {**os.environ, "CARTULARY_HOME": str(home), "CARTULARY_TRACES": "console", "COLUMNS": "200"}
    for name in ("POSTGRES_DSN", "KAFKA_BOOTSTRAP", "LEDGER_RPC", "CLICKHOUSE_DSN"):
        environment.pop(f"CARTULARY_{name}", None)
    command = [sys.executable, "-c", "from libs.cli.main import app; app()", "demo", "--home", str(home)]
    ran = subprocess.run(
        command, cwd=CHECKOUT, env=environment, capture_output=True, timeout=_DEMO_WITHIN_S, check=False
    )
    (home / "log" / "demo.out").write_bytes(ran.stdout + ran.stderr)
    assert ran.returncode == 0, (ran.stdout + ran.stderr).decode()[-3_000:]


@pytest.fixture(scope="module")
def personal(demo_home: Path) -> set[bytes]:
    """Every form of every personal text that the demo's files hold."""
    texts = texts_of(DATA / "investors.csv") | texts_of_story(DATA / "people.yaml")
    assert len(texts) > 1_000, "the demo has hundreds of people"
    return needles(texts | texts_of_list(DATA / "screening.jsonl"))


@pytest.mark.timeout(_DEMO_WITHIN_S + 120)
def test_inv06_no_file_of_the_deployment_shows_anybody(demo_home: Path, personal: set[bytes], tmp_path: Path) -> None:
    """Data files and write-ahead log of PostgreSQL, Kafka's segments, the ledger's journal, ClickHouse, logs, spans."""
    spans = sum(b'"trace_id"' in log.read_bytes() for log in (demo_home / "log").glob("*.log"))
    assert spans, "the logs hold the spans too"
    assert search(personal, [demo_home], tmp_path / "patterns") == []


@pytest.mark.timeout(_DEMO_WITHIN_S + 120)
def test_inv06_no_store_read_out_shows_anybody(demo_home: Path, personal: set[bytes], tmp_path: Path) -> None:
    """Tables, records and calldata as they read once nothing is compressed."""

    async def dumped() -> dict[str, int]:
        stack = LocalStack(demo_home, 0.5)
        addresses = await stack.up()
        try:
            return await dump_everything(addresses, demo_home, tmp_path / "dump")
        finally:
            await stack.stop()

    sizes = asyncio.run(dumped())
    assert all(size > 100_000 for size in sizes.values()), sizes
    assert search(personal, [tmp_path / "dump"], tmp_path / "patterns") == []
