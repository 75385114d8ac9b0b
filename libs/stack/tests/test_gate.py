"""The embedded ledger survives SIGKILL (write-path.md, last part) and behaves badly on demand (ledger.md)."""

import asyncio
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import orjson
import pytest

from libs.stack.gate import CHAIN_ID
from libs.stack.ledger import ledger_answers
from libs.stack.part import until
from libs.stack.places import CHECKOUT, free_port
from libs.stack.processes import PidFile
from libs.stack.tests.transfers import SENDER, transfer

BLOCK_TIME_S = 0.1


@dataclass
class RunningGate:
    """A gate in a process of its own, which the tests kill and start again."""

    home: Path
    session: aiohttp.ClientSession
    options: tuple[str, ...] = ()
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def start(self) -> None:
        command = [
            sys.executable,
            "-m",
            "libs.stack.gate",
            "--home",
            str(self.home),
            "--port",
            str(self.port),
        ]
        command += ["--block-time", str(BLOCK_TIME_S), *self.options]
        with (self.home / "gate.log").open("ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log, cwd=CHECKOUT)
        assert await until(lambda: ledger_answers(self.url), 20), (self.home / "gate.log").read_text()

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def stop(self) -> int:
        assert self.process is not None
        self.process.terminate()
        return self.process.wait(10)

    async def post(self, body: Any) -> Any:
        async with self.session.post(self.url, json=body) as answer:
            return await answer.json(content_type=None)

    async def ask(self, method: str, *params: object) -> Any:
        return await self.post({"jsonrpc": "2.0", "id": 7, "method": method, "params": params})

    async def call(self, method: str, *params: object) -> Any:
        answer = await self.ask(method, *params)
        assert "error" not in answer, answer
        return answer["result"]

    async def mined(self, count: int) -> bool:
        return await until(lambda: self._has_mined(count), 10)

    async def _has_mined(self, count: int) -> bool:
        return int(await self.call("eth_getTransactionCount", SENDER, "latest"), 16) >= count


@pytest.fixture
async def gate(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[RunningGate]:
    async with aiohttp.ClientSession() as session:
        running = RunningGate(tmp_path, session, getattr(request, "param", ()))
        await running.start()
        yield running
        if running.process is not None and running.process.poll() is None:
            running.kill()
        PidFile(tmp_path / "anvil.pid.json").end()


async def test_after_a_sigkill_the_replayed_chain_has_the_same_blocks(gate: RunningGate) -> None:
    for nonce in range(3):
        await gate.call("eth_sendRawTransaction", transfer(nonce, data=b"x" * 1000))
        assert await gate.mined(nonce + 1)
    before = await gate.call("eth_getBlockByNumber", "latest", False)
    gate.kill()
    await gate.start()
    assert await gate.call("eth_getBlockByNumber", before["number"], False) == before
    await gate.call("eth_sendRawTransaction", transfer(3))
    assert await gate.mined(4)


async def test_a_torn_journal_loses_only_its_last_block(gate: RunningGate) -> None:
    await gate.call("eth_sendRawTransaction", transfer(0))
    assert await gate.mined(1)
    gate.kill()
    journal = gate.home / "journal"
    whole = journal.read_bytes()
    journal.write_bytes(whole + whole[-30:])
    await gate.start()
    assert await gate.mined(1)
    assert "cut 30 bytes" in (gate.home / "gate.log").read_text()


async def test_a_gate_ends_with_its_anvil_and_the_next_one_has_the_chain(gate: RunningGate) -> None:
    await gate.call("eth_sendRawTransaction", transfer(0))
    assert await gate.mined(1)
    assert PidFile(gate.home / "anvil.pid.json").end(signal.SIGKILL)
    assert gate.process is not None
    assert await asyncio.to_thread(gate.process.wait, 10) == 1
    await gate.start()
    assert await gate.mined(1)


async def test_a_journal_of_another_history_is_refused(gate: RunningGate) -> None:
    await gate.call("eth_sendRawTransaction", transfer(0))
    assert await gate.mined(1)
    gate.kill()
    head = gate.home / "journal.head"
    head.write_bytes(orjson.dumps({"size": (gate.home / "journal").stat().st_size, "hash": "00" * 32}))
    gate.process = subprocess.Popen(
        [sys.executable, "-m", "libs.stack.gate", "--home", str(gate.home), "--port", str(gate.port)],
        cwd=CHECKOUT,
        stderr=subprocess.PIPE,
    )
    _, words = await asyncio.to_thread(gate.process.communicate, timeout=20)
    assert gate.process.returncode == 2
    assert b"the last block is" in words


async def test_block_times_are_never_ahead_of_the_clock_and_never_decrease(gate: RunningGate) -> None:
    times = []
    for nonce in range(5):
        await gate.call("eth_sendRawTransaction", transfer(nonce))
        assert await gate.mined(nonce + 1)
        block = await gate.call("eth_getBlockByNumber", "latest", False)
        times.append(int(block["timestamp"], 16))
        assert times[-1] <= time.time()
    assert times == sorted(times)


async def test_a_batch_is_answered_in_order_and_its_transactions_are_kept(gate: RunningGate) -> None:
    calls = [
        {"jsonrpc": "2.0", "id": 1, "method": "eth_chainId", "params": []},
        {"jsonrpc": "2.0", "id": 2, "method": "eth_sendRawTransaction", "params": [transfer(0)]},
    ]
    answers = await gate.post(calls)
    assert [answer["id"] for answer in answers] == [1, 2]
    assert answers[0]["result"] == hex(CHAIN_ID)
    assert await gate.mined(1)
    gate.kill()
    await gate.start()
    assert await gate.mined(1)


async def test_errors_of_the_node_come_through_and_nothing_else_changes_the_chain(gate: RunningGate) -> None:
    await gate.call("eth_sendRawTransaction", transfer(0))
    assert await gate.mined(1)
    assert "nonce too low" in (await gate.ask("eth_sendRawTransaction", transfer(0)))["error"]["message"]
    for method in ("evm_mine", "anvil_setBalance", "eth_sendTransaction", "gate_fault"):
        assert (await gate.ask(method))["error"]["code"] == -32601, method


@pytest.mark.parametrize("gate", [("--faults",)], indirect=True)
async def test_a_valid_transaction_can_be_answered_invalid_params_once(gate: RunningGate) -> None:
    """What Besu does, point 1 of ledger.md: the same bytes sent again are taken."""
    await gate.call("gate_fault", {"kind": "invalid_params", "count": 1})
    assert (await gate.ask("eth_sendRawTransaction", transfer(0)))["error"]["code"] == -32602
    await gate.call("eth_sendRawTransaction", transfer(0))
    assert await gate.mined(1)


@pytest.mark.parametrize("gate", [("--faults",)], indirect=True)
async def test_a_dropped_answer_does_not_drop_the_transaction(gate: RunningGate) -> None:
    await gate.call("gate_fault", {"kind": "drop_answers", "count": 1})
    with pytest.raises(aiohttp.ClientError):
        await gate.ask("eth_sendRawTransaction", transfer(0))
    assert await gate.mined(1)


@pytest.mark.parametrize("gate", [("--faults",)], indirect=True)
async def test_a_lost_pool_stays_lost_after_a_replay(gate: RunningGate) -> None:
    """Point 3 of ledger.md; a transaction behind a nonce gap waits in the pool until it is lost."""
    await gate.call("eth_sendRawTransaction", transfer(1))
    assert await until(lambda: journalled(gate, transfer(1)), 5)
    await gate.call("gate_fault", {"kind": "lose_pool"})
    gate.kill()
    await gate.start()
    await gate.call("eth_sendRawTransaction", transfer(0))
    assert await gate.mined(1)
    assert await gate.call("txpool_status") == {"pending": "0x0", "queued": "0x0"}


async def journalled(gate: RunningGate, raw: str) -> bool:
    return bytes.fromhex(raw[2:]) in (gate.home / "journal").read_bytes()


@pytest.mark.parametrize("gate", [("--faults",)], indirect=True)
async def test_a_gate_refuses_delays_and_hides_its_head_on_demand(gate: RunningGate) -> None:
    await gate.call("gate_fault", {"kind": "null_head", "count": 1})
    assert await gate.call("eth_getBlockByNumber", "latest", False) is None
    assert await gate.call("eth_getBlockByNumber", "latest", False) is not None
    await gate.call("gate_fault", {"kind": "delay", "ms": 200})
    begun = time.monotonic()
    await gate.call("eth_chainId")
    assert time.monotonic() - begun >= 0.2
    await gate.call("gate_fault", {"kind": "refuse", "seconds": 60})
    with pytest.raises(aiohttp.ClientError):
        await gate.ask("eth_chainId")
    await gate.call("gate_fault", {"kind": "clear"})
    assert await gate.call("eth_chainId") == hex(CHAIN_ID)
    assert "error" in await gate.ask("gate_fault", {"kind": "unknown"})


async def test_a_stopped_gate_leaves_nothing_running(gate: RunningGate) -> None:
    assert gate.stop() == 0
    assert PidFile(gate.home / "anvil.pid.json").process() is None
