"""Deploying on a real chain: once, whoever asks and whenever, and never onto another ledger."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from eth_account import Account

from libs.ledger.artifact import creation_code
from libs.ledger.deploy import (
    CONTRACT_ENV,
    LaneCountChanged,
    NotTheOwner,
    deploy,
)
from libs.ledger.identity import LedgerMismatch, load_identity
from libs.ledger.keys import lane_key, owner_key, producer_key, public_bytes
from libs.ledger.owner import OwnerAccount
from libs.ledger.port import LedgerIdentity, LedgerRejected, LedgerUnreachable
from libs.ledger.reader import RpcLedgerReader
from libs.ledger.rpc import JsonRpc
from libs.stack.places import CHECKOUT
from libs.testkit.anvil import CHAIN_ID, anvil

PRODUCERS = ("funds", "orders", "register", "attestation", "nav")


@pytest.fixture(scope="module")
def node() -> Iterator[str]:
    with anvil() as url:
        yield url


async def deployed(node: str, home: Path, lanes: int = 3, producers: tuple[str, ...] = PRODUCERS) -> LedgerIdentity:
    """The ledger of this state directory."""
    return await deploy([node], home / "keys", home, lanes=lanes, producers=producers)


async def ask(node: str, method: str, *params: Any) -> Any:
    """One call to the node."""
    async with JsonRpc([node]) as rpc:
        return await rpc.call(method, *params)


async def sent(node: str, home: Path) -> int:
    """How many transactions of the owner were mined."""
    address = Account.from_key(owner_key(home / "keys")).address
    return int(await ask(node, "eth_getTransactionCount", address, "latest"), 16)


def lane_address(home: Path, lane: int) -> bytes:
    return bytes.fromhex(Account.from_key(lane_key(home / "keys", lane)).address[2:])


async def test_a_deployment_grants_every_lane_and_registers_every_producer(node: str, tmp_path: Path) -> None:
    assert load_identity(tmp_path) is None
    identity = await deployed(node, tmp_path)
    assert load_identity(tmp_path) == identity
    assert (identity.chain_id, identity.lanes) == (CHAIN_ID, 3)
    reader = await RpcLedgerReader.connect([node], identity.contract, identity.deployed_block)
    try:
        assert reader.identity == identity
        assert [await reader.holder(lane) for lane in range(3)] == [lane_address(tmp_path, lane) for lane in range(3)]
        found = {one.service: one.key for one in await reader.producers()}
    finally:
        await reader.close()
    assert found == {name: public_bytes(producer_key(tmp_path / "keys", name)) for name in PRODUCERS}


async def test_a_second_run_sends_nothing(node: str, tmp_path: Path) -> None:
    identity = await deployed(node, tmp_path)
    before = await sent(node, tmp_path)
    assert await deployed(node, tmp_path) == identity
    assert await sent(node, tmp_path) == before == 1 + 3 + len(PRODUCERS)


async def test_only_what_is_missing_or_different_is_sent(node: str, tmp_path: Path) -> None:
    await deployed(node, tmp_path)
    before = await sent(node, tmp_path)
    (tmp_path / "keys" / "lanes" / "1.key").unlink()
    (tmp_path / "keys" / "producers" / "funds.key").unlink()
    identity = await deployed(node, tmp_path, producers=(*PRODUCERS, "payments"))
    assert await sent(node, tmp_path) == before + 3
    reader = await RpcLedgerReader.connect([node], identity.contract)
    try:
        assert await reader.holder(1) == lane_address(tmp_path, 1)
        keys = {one.service: one.key for one in await reader.producers()}
    finally:
        await reader.close()
    assert keys["funds"] == public_bytes(producer_key(tmp_path / "keys", "funds"))
    assert "payments" in keys


async def test_two_processes_at_once_end_with_one_contract(node: str, tmp_path: Path) -> None:
    program = "from libs.cli.main import app; app()"
    arguments = ("ledger", "deploy", "--rpc", node, "--home", str(tmp_path), "--lanes", "3", "--producer", "funds")
    env = {**os.environ, "PYTHONPATH": str(CHECKOUT)}
    both = [
        await asyncio.create_subprocess_exec(
            sys.executable, "-c", program, *arguments, env=env, stdout=asyncio.subprocess.PIPE
        )
        for _ in range(2)
    ]
    said = {(await one.communicate())[0] for one in both}
    assert [one.returncode for one in both] == [0, 0]
    assert len(said) == 1
    assert await sent(node, tmp_path) == 1 + 3 + 1


async def test_w2_a_start_with_another_number_of_lanes_is_refused(node: str, tmp_path: Path) -> None:
    await deployed(node, tmp_path)
    with pytest.raises(LaneCountChanged, match="3 lanes for good"):
        await deployed(node, tmp_path, lanes=4)


async def test_a_chain_that_lost_the_ledger_is_refused_and_nothing_is_deployed_anew(tmp_path: Path) -> None:
    with anvil() as before:
        await deployed(before, tmp_path)
    with anvil() as after:
        with pytest.raises(LedgerMismatch, match="nothing"):
            await deployed(after, tmp_path)
        assert await sent(after, tmp_path) == 0


async def test_a_ledger_of_another_chain_is_refused(node: str, tmp_path: Path) -> None:
    await deployed(node, tmp_path)
    remembered = tmp_path / "ledger.json"
    remembered.write_text(remembered.read_text().replace(str(CHAIN_ID), "1"))
    with pytest.raises(LedgerMismatch, match="chain 1"):
        await deployed(node, tmp_path)


@pytest.mark.parametrize("text", ["", "{}", '{"chain_id": 1, "contract": "0x12", "lanes": 1, "deployed_block": 1}'])
def test_an_unreadable_memory_is_refused_by_name(tmp_path: Path, text: str) -> None:
    (tmp_path / "ledger.json").write_text(text)
    with pytest.raises(LedgerMismatch, match=r"ledger\.json"):
        load_identity(tmp_path)


async def test_another_contract_is_not_taken_for_the_ledger(
    node: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    identity = await deployed(node, tmp_path / "one")
    code = await ask(node, "eth_getCode", "0x" + identity.contract.hex(), "latest")
    await ask(node, "anvil_setCode", "0x" + "77" * 20, code[:-2] + "01")
    monkeypatch.setenv(CONTRACT_ENV, "0x" + "77" * 20)
    with pytest.raises(LedgerMismatch, match="another contract"):
        await deployed(node, tmp_path / "two")
    monkeypatch.setenv(CONTRACT_ENV, "0x" + "66" * 20)
    with pytest.raises(LedgerMismatch, match="no ledger"):
        await deployed(node, tmp_path / "three")


async def test_a_given_contract_is_used_and_remembered(
    node: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    identity = await deployed(node, tmp_path / "one")
    (tmp_path / "one" / "keys").rename(tmp_path / "keys")
    monkeypatch.setenv(CONTRACT_ENV, "0x" + identity.contract.hex())
    found = await deploy([node], tmp_path / "keys", tmp_path / "two", lanes=3, producers=PRODUCERS)
    assert found == identity == load_identity(tmp_path / "two")
    with pytest.raises(NotTheOwner, match="must send 8"):
        await deployed(node, tmp_path / "three")
    with pytest.raises(LaneCountChanged):
        await deployed(node, tmp_path / "four", lanes=5)
    monkeypatch.setenv(CONTRACT_ENV, "0x" + "55" * 20)
    with pytest.raises(LedgerMismatch, match="remembers"):
        await deploy([node], tmp_path / "keys", tmp_path / "two", lanes=3, producers=PRODUCERS)


async def test_w11_a_deployment_that_timed_out_after_the_node_took_it_is_found_again(tmp_path: Path) -> None:
    with anvil() as node:
        await ask(node, "evm_setAutomine", False)
        with pytest.raises(LedgerUnreachable, match="was not mined"):
            await deploy([node], tmp_path / "keys", tmp_path, lanes=3, producers=PRODUCERS, wait_s=0.5)
        assert load_identity(tmp_path) is None
        with pytest.raises(LaneCountChanged, match="under way"):
            await deployed(node, tmp_path, lanes=4)
        await ask(node, "evm_setAutomine", True)
        await ask(node, "evm_mine")
        identity = await deployed(node, tmp_path)
        assert identity.deployed_block == 1
        assert await sent(node, tmp_path) == 1 + 3 + len(PRODUCERS)
        assert not (tmp_path / "ledger.pending.json").exists()


async def test_w11_a_deployment_whose_nonce_went_to_something_else_begins_anew(tmp_path: Path) -> None:
    with anvil() as node:
        await ask(node, "evm_setAutomine", False)
        with pytest.raises(LedgerUnreachable):
            await deploy([node], tmp_path / "keys", tmp_path, lanes=3, producers=(), wait_s=0.5)
        await ask(node, "anvil_dropAllTransactions")
        await ask(node, "evm_setAutomine", True)
        async with JsonRpc([node]) as rpc:
            owner = OwnerAccount(rpc, owner_key(tmp_path / "keys"), CHAIN_ID, wait_s=10)
            await owner.settle(await owner.sign(None, [creation_code(9)]))
        identity = await deployed(node, tmp_path)
        assert (identity.lanes, identity.deployed_block) == (3, 2)


async def test_a_chain_that_asks_for_gas_is_paid_and_an_owner_without_means_is_named(tmp_path: Path) -> None:
    with anvil(base_fee=10**9) as node:
        owner = Account.from_key(owner_key(tmp_path / "keys")).address
        with pytest.raises(LedgerRejected, match=owner.lower()):
            await deployed(node, tmp_path)
        await ask(node, "anvil_setBalance", owner, hex(10**18))
        assert (await deployed(node, tmp_path)).lanes == 3


async def test_a_call_that_the_contract_would_refuse_is_not_sent(node: str, tmp_path: Path) -> None:
    identity = await deployed(node, tmp_path)
    before = await sent(node, tmp_path)
    async with JsonRpc([node]) as rpc:
        owner = OwnerAccount(rpc, owner_key(tmp_path / "keys"), CHAIN_ID, wait_s=10)
        with pytest.raises(LedgerRejected, match="would refuse"):
            await owner.sign(identity.contract, [b"\x12\x34\x56\x78"])
    assert await sent(node, tmp_path) == before
