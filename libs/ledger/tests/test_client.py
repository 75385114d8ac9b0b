"""The chain client against nodes that behave as Besu was seen to (ledger.md, quirks 1 to 10)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from libs.ledger.client import ChainLedger, LaneSigner
from libs.ledger.port import LedgerIdentity, LedgerRejected, LedgerUnreachable, NonceTaken
from libs.ledger.reader import RpcLedgerReader
from libs.ledger.rpc import INVALID_PARAMS, JsonRpc, RpcError
from libs.ledger.tests.lying_node import CONTRACT, LyingNode

SIGNER = LaneSigner(b"\x01" * 32, LedgerIdentity(20261, CONTRACT, 4, 0))


def raw(nonce: int, data: bytes = b"call") -> bytes:
    return SIGNER.sign(nonce, 100_000, data).raw


@asynccontextmanager
async def ledger(*nodes: LyingNode, timeout_s: float = 1.0) -> AsyncIterator[ChainLedger]:
    client = await ChainLedger.connect([node.url for node in nodes], CONTRACT, timeout_s=timeout_s)
    try:
        yield client
    finally:
        await client.close()


async def test_quirk1_invalid_params_is_answered_with_the_same_bytes_again() -> None:
    async with LyingNode() as node, ledger(node) as client:
        fault = {"code": INVALID_PARAMS, "message": "Invalid params"}
        node.fail("eth_sendRawTransaction", fault, fault, fault)
        await client.send(raw(0))
        assert node.requests["eth_sendRawTransaction"] == 4
        assert node.offered == ["0x" + raw(0).hex()]


async def test_quirk1_it_is_not_repeated_for_ever() -> None:
    async with LyingNode() as node, ledger(node) as client:
        node.fail("eth_sendRawTransaction", *[{"code": INVALID_PARAMS, "message": "Invalid params"}] * 50)
        with pytest.raises(LedgerUnreachable):
            await client.send(raw(0))
        assert node.requests["eth_sendRawTransaction"] < 20


async def test_quirk2_a_null_block_is_asked_for_again() -> None:
    async with LyingNode() as node, ledger(node) as client:
        node.mine()
        node.fail("eth_getBlockByNumber", None, None)
        block = await client.block(1)
        assert block is not None
        assert (block.number, block.time) == (1, 1_001)
        assert node.requests["eth_getBlockByNumber"] == 3


async def test_quirk2_a_block_that_does_not_exist_yet_is_none() -> None:
    async with LyingNode() as node, ledger(node) as client:
        assert await client.block(1) is None


async def test_quirk3_what_a_lost_pool_held_goes_to_another_node() -> None:
    async with LyingNode() as first, LyingNode() as second, ledger(first, second) as client:
        await client.send(raw(0))
        first.pool.clear()
        await client.send(raw(0))
        assert [len(first.pool), len(second.pool)] == [0, 1]


async def test_quirk3_a_known_transaction_is_no_error() -> None:
    async with LyingNode() as node, ledger(node) as client:
        await client.send(raw(0))
        await client.send(raw(0))
        assert len(node.offered) == 2
        for message in ("already known", "transaction already imported", "TRANSACTION_ALREADY_KNOWN"):
            node.fail("eth_sendRawTransaction", {"code": -32000, "message": message})
            await client.send(raw(0))


async def test_w11_a_nonce_that_is_used_up_is_named_and_is_no_success() -> None:
    async with LyingNode() as node, ledger(node) as client:
        await client.send(raw(0, b"others"))
        with pytest.raises(NonceTaken):
            await client.send(raw(0, b"mine"))
        node.mine()
        with pytest.raises(NonceTaken):
            await client.send(raw(0, b"mine"))
        assert await client.nonce(SIGNER.address) == 1


async def test_quirk4_a_nonce_gap_or_a_full_pool_is_for_later() -> None:
    async with LyingNode() as node, ledger(node) as client:
        for message in ("Transaction nonce is too distant from current sender nonce", "txpool is full"):
            node.fail("eth_sendRawTransaction", {"code": -32000, "message": message})
            with pytest.raises(LedgerUnreachable):
                await client.send(raw(7))


async def test_bytes_that_will_never_be_mined_are_named() -> None:
    async with LyingNode() as node, ledger(node) as client:
        node.fail("eth_sendRawTransaction", {"code": -32000, "message": "intrinsic gas too low"})
        with pytest.raises(LedgerRejected, match="intrinsic gas"):
            await client.send(raw(0))


async def test_a_node_that_times_out_after_it_accepted_makes_no_second_transaction() -> None:
    async with LyingNode() as node, ledger(node, timeout_s=0.2) as client:
        node.accepts_then_hangs_s = 0.6
        await client.send(raw(0))
        assert len(node.pool) == 1
        assert set(node.offered) == {"0x" + raw(0).hex()}
        node.mine()
        block = await client.block(1)
        assert block is not None
        assert [tx.hash for tx in block.transactions] == [SIGNER.sign(0, 100_000, b"call").hash]


async def test_several_addresses_the_next_one_answers() -> None:
    async with LyingNode() as first, LyingNode() as second, ledger(first, second) as client:
        first.mine()
        second.mine()
        first.fail("eth_blockNumber", 502, 502)
        assert await client.height() == 1
        assert second.requests["eth_blockNumber"] == 1


async def test_w12_a_node_below_what_was_seen_is_passed_over() -> None:
    async with LyingNode() as high, LyingNode() as low, ledger(high, low) as client:
        for _ in range(5):
            high.mine()
        assert await client.height() == 5
        high.fail("eth_blockNumber", *[502] * 40)
        with pytest.raises(LedgerUnreachable, match="stands at block 0, 5 was seen"):
            await client.height()
        with pytest.raises(LedgerUnreachable):
            await client.lane(0)
        assert low.requests["eth_call"] == 0


async def test_quirk8_proof_of_authority_headers_need_no_middleware() -> None:
    async with LyingNode() as node, ledger(node) as client:
        await client.send(raw(0))
        node.mine()
        block = await client.block(1)
        assert block is not None
        batch = block.transactions[0].batch
        assert batch is not None
        assert batch.block == 1
        assert await client.calldata(batch.transaction) == b"call"


async def test_quirk9_a_transaction_is_legacy_at_gas_price_0_under_the_chain_id() -> None:
    signed = SIGNER.sign(5, 21_000, b"")
    assert signed.raw[0] >= 0xC0  # a list, not a typed envelope
    async with LyingNode() as node, ledger(node) as client:
        await client.send(signed.raw)
        assert next(iter(node.pool)) == ("0x" + SIGNER.address.hex(), 5)
    assert SIGNER.sign(5, 21_000, b"") == signed


async def test_log_ranges_that_a_node_finds_too_wide_are_halved() -> None:
    async with LyingNode() as node:
        reader = await RpcLedgerReader.connect([node.url], CONTRACT)
        client = ChainLedger(reader.rpc, reader.identity)
        for nonce in range(3):
            await client.send(raw(nonce))
            for _ in range(150):
                node.mine()
        found = await reader.batches(0, await reader.height(), lane=2)
        assert [(batch.block, batch.lane) for batch in found] == [(1, 2), (151, 2), (301, 2)]
        await reader.close()


async def test_a_batch_call_keeps_its_order_whatever_order_the_node_answers_in() -> None:
    async with LyingNode() as node, JsonRpc([node.url]) as rpc:
        node.mine()
        assert await rpc.batch([("eth_chainId", ()), ("eth_blockNumber", ())]) == [hex(20261), "0x1"]


async def test_what_the_request_got_wrong_is_raised_and_not_repeated() -> None:
    async with LyingNode() as node, JsonRpc([node.url]) as rpc:
        node.fail("eth_call", {"code": 3, "message": "execution reverted"})
        with pytest.raises(RpcError, match="reverted"):
            await rpc.call("eth_call", {}, "latest")
        assert node.requests["eth_call"] == 1


async def test_inv14_no_node_at_all_is_one_named_error() -> None:
    async with JsonRpc(["http://127.0.0.1:9/", "http://127.0.0.1:10/"], rounds=2) as rpc:
        with pytest.raises(LedgerUnreachable, match="no ledger node answered"):
            await rpc.height()
