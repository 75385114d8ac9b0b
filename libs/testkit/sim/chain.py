"""The Ledger port over a simulated chain: virtual blocks, a pool that forgets, nodes at different heights."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

import rlp
from eth_account import Account
from sha3 import keccak_256

from libs.ledger import abi
from libs.ledger.port import (
    LaneState,
    LedgerIdentity,
    LedgerUnreachable,
    MinedBatch,
    MinedBlock,
    MinedTransaction,
    NonceTaken,
    ProducerKey,
    ProducerMark,
)
from libs.testkit.sim import contract
from libs.testkit.sim.contract import ContractState, ModelMark
from libs.testkit.sim.world import BEGINNING, Node, World

CHAIN_ID = 20261
BLOCK_S = 1.0
_MOST_A_BLOCK = 40
_NAME_BYTES = 32
_DATA, _NONCE, _TO = 5, 0, 3


class _Pooled(NamedTuple):
    hash: bytes
    sender: bytes
    nonce: int
    calldata: bytes
    not_before: float


@dataclass(slots=True)
class _Block:
    block: MinedBlock
    state: ContractState
    nonces: dict[bytes, int]
    keys: list[ProducerKey] = field(default_factory=list)


class SimChain:
    """The durable half: blocks and the contract's state at each; it outlives every node."""

    def __init__(self, world: World, lanes: int, owner: bytes = b"\x0a" * 20) -> None:
        self.world, self.owner = world, owner
        address = keccak_256(b"EventLedger" + owner).digest()[12:]
        self.identity = LedgerIdentity(CHAIN_ID, address, lanes, 1)
        state = contract.genesis(CHAIN_ID, address, lanes, owner)
        self.blocks = [_Block(MinedBlock(n, _hash(n, b""), self._time(0.0), []), state, {}) for n in (0, 1)]
        self.pool: dict[tuple[bytes, int], _Pooled] = {}
        self.away_until = 0.0

    @property
    def height(self) -> int:
        """The newest block's number."""
        return len(self.blocks) - 1

    @property
    def state(self) -> ContractState:
        """The contract at the newest block."""
        return self.blocks[-1].state

    def ledger(self, node: Node) -> SimLedger:
        """The node's connection."""
        return SimLedger(self, node)

    def govern(self, change: Callable[[ContractState, bytes], ContractState]) -> None:
        """A call of the owner in a block of its own: `change(state, owner)`."""
        self._append(change(self.state, self.owner), [], {})

    def register(self, service: str, key: bytes) -> None:
        """Register a producer's Ed25519 key."""
        name = service.encode().ljust(_NAME_BYTES, b"\0")
        self.govern(lambda state, owner: contract.register_producer(state, owner, name, key))
        self.blocks[-1].keys.append(ProducerKey(service, key, self.height, 0))

    def grant(self, lane: int, holder: bytes) -> None:
        """Give a lane to an address."""
        self.govern(lambda state, owner: contract.grant_lane(state, owner, lane, holder))

    async def mine(self) -> None:
        """A block every second, for as long as the world lasts."""
        while True:
            await asyncio.sleep(BLOCK_S)
            if self.world.chance(self.world.rates.lost_pool):
                self.world.note("chain", f"pool lost ({len(self.pool)})")
                self.pool.clear()
            self.mine_block()

    def mine_block(self) -> None:
        """The next block: per sender in nonce order, senders in any order, some left for later."""
        now, random = self.world.elapsed(), self.world.random
        state, nonces = self.state, dict(self.blocks[-1].nonces)
        mined: list[MinedTransaction] = []
        number = self.height + 1
        block_hash = _hash(number, self.blocks[-1].block.hash)
        senders = sorted({sender for sender, _ in self.pool})
        random.shuffle(senders)
        for sender in senders:
            while len(mined) < _MOST_A_BLOCK:
                offered = self.pool.get((sender, nonces.get(sender, 0)))
                if offered is None or offered.not_before > now:
                    break
                del self.pool[(sender, offered.nonce)]
                nonces[sender] = offered.nonce + 1
                state, batch = _execute(state, offered, number, block_hash, len(mined))
                mined.append(MinedTransaction(offered.hash, sender, offered.nonce, offered.calldata, batch))
        self._append(state, mined, nonces, block_hash)

    def _append(
        self,
        state: ContractState,
        mined: list[MinedTransaction],
        nonces: dict[bytes, int],
        block_hash: bytes = b"",
    ) -> None:
        number = len(self.blocks)
        time = self._time(self.world.elapsed())
        block = MinedBlock(number, block_hash or _hash(number, self.blocks[-1].block.hash), time, mined)
        self.blocks.append(_Block(block, state, {**self.blocks[-1].nonces, **nonces}))

    def _time(self, elapsed: float) -> int:
        return int(BEGINNING.timestamp() + elapsed)


def _hash(number: int, parent: bytes) -> bytes:
    return bytes(keccak_256(b"block" + number.to_bytes(8, "big") + parent).digest())


def _execute(
    state: ContractState, offered: _Pooled, block: int, block_hash: bytes, index: int
) -> tuple[ContractState, MinedBatch | None]:
    """Run the call; a refusal leaves the state as it was, and the transaction mined."""
    try:
        call = abi.decode_attest(offered.calldata)
        marks = [ModelMark(*mark) for mark in call.marks]
        after, logged = contract.attest(
            state, offered.sender, call.lane, call.first, call.expected_head, marks, call.leaves
        )
    except (contract.RevertedError, ValueError, abi.MalformedCall):
        return state, None
    return after, MinedBatch(*logged, block, block_hash, offered.hash, index)


def _away() -> LedgerUnreachable:
    return LedgerUnreachable("no simulated node answered")


class SimLedger:
    """A node's connection to several nodes of the chain, some of them behind; see the port."""

    def __init__(self, chain: SimChain, node: Node) -> None:
        self._chain, self._node, self._world = chain, node, chain.world
        self.identity = chain.identity
        self._seen = 0

    async def _view(self, point: str) -> int:
        """The height of a node that is not below what was seen before (W-12)."""
        await self._node.ask(f"ledger.{point}", _away())
        world, height = self._world, self._chain.height
        if world.elapsed() < self._chain.away_until:
            raise _away()
        if world.chance(world.rates.lagging):
            height = max(self._seen, height - world.random.randrange(1, 4), 1)
        self._seen = max(self._seen, height)
        return self._seen

    async def height(self) -> int:
        """See LedgerReader.height."""
        return await self._view("height")

    async def lane(self, lane: int) -> LaneState:
        """See LedgerReader.lane."""
        return LaneState(*self._chain.blocks[await self._view("lane")].state.lanes[lane])

    async def mark(self, lane: int, service: str) -> ProducerMark:
        """See LedgerReader.mark."""
        name = service.encode().ljust(_NAME_BYTES, b"\0")
        return ProducerMark(*self._chain.blocks[await self._view("mark")].state.marks.get((lane, name), (0, 0)))

    async def producers(self) -> list[ProducerKey]:
        """See LedgerReader.producers."""
        height = await self._view("producers")
        return [key for block in self._chain.blocks[: height + 1] for key in block.keys]

    async def batches(self, first_block: int, last_block: int, lane: int | None = None) -> list[MinedBatch]:
        """See LedgerReader.batches."""
        height = await self._view("batches")
        if last_block > height:
            raise LedgerUnreachable("no node has reached that block", field="block", value=last_block)
        found = (t.batch for b in self._chain.blocks[first_block : last_block + 1] for t in b.block.transactions)
        return [batch for batch in found if batch is not None and lane in (None, batch.lane)]

    async def calldata(self, transaction: bytes) -> bytes:
        """See LedgerReader.calldata."""
        height = await self._view("calldata")
        for block in reversed(self._chain.blocks[: height + 1]):
            for mined in block.block.transactions:
                if mined.hash == transaction:
                    return mined.calldata
        raise LedgerUnreachable("no node has the transaction", field="transaction", value=transaction.hex())

    async def block_time(self, number: int) -> tuple[bytes, int]:
        """See LedgerReader.block_time."""
        if number > await self._view("block_time"):
            raise LedgerUnreachable("no node has reached that block", field="block", value=number)
        block = self._chain.blocks[number].block
        return block.hash, block.time

    async def block(self, number: int) -> MinedBlock | None:
        """See Ledger.block; the newest block is missing now and then, though its height is known."""
        height = await self._view("block")
        if number > height or (number == height and self._world.chance(self._world.rates.lagging)):
            return None
        return self._chain.blocks[number].block

    async def nonce(self, sender: bytes) -> int:
        """See Ledger.nonce."""
        return self._chain.blocks[await self._view("nonce")].nonces.get(sender, 0)

    async def send(self, raw: bytes) -> None:
        """See Ledger.send; accepted bytes may be mined at once, later, or be lost with the pool."""
        height, world, chain = await self._view("send"), self._world, self._chain
        fields = rlp.decode(raw)
        sender = bytes.fromhex(Account.recover_transaction(raw)[2:])
        nonce = int.from_bytes(fields[_NONCE], "big")
        offered = keccak_256(raw).digest()
        if nonce < chain.blocks[height].nonces.get(sender, 0):
            raise NonceTaken("nonce too low", field="nonce", value=nonce)
        known = chain.pool.get((sender, nonce))
        if known is not None and known.hash != offered:
            raise NonceTaken("replacement transaction underpriced", field="nonce", value=nonce)
        if known is None and fields[_TO] == chain.identity.contract and nonce >= chain.blocks[-1].nonces.get(sender, 0):
            wait_s = world.random.uniform(0, 5 * BLOCK_S) if world.chance(world.rates.late) else 0.0
            chain.pool[(sender, nonce)] = _Pooled(offered, sender, nonce, fields[_DATA], world.elapsed() + wait_s)
        await self._node.answer("ledger.send", _away())
