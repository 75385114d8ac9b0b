"""The batches of a lane that were sent: in nonce order, settled by blocks alone (W-11)."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import structlog

from libs.ledger.batch import Batch
from libs.ledger.client import LaneSigner
from libs.ledger.port import Ledger, LedgerRejected, LedgerUnreachable, MinedTransaction, NonceTaken
from libs.ledger.reader import HistoryBatch, opened_call
from libs.ledger.signing import SignedTransaction
from services.attestation.watcher import LaneBlock, Watcher

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Flight:
    """A batch under one nonce. It is settled when a block holds its bytes, or others under its nonce."""

    batch: Batch
    nonce: int
    signed: SignedTransaction
    offered_at: int | None = None
    mined: MinedTransaction | None = None
    block_time: int = 0
    taken: bool = False

    @property
    def settled(self) -> bool:
        """Whether its nonce is used up, by these bytes or by others."""
        return self.taken or self.mined is not None

    @property
    def attested(self) -> bool:
        """Success: my transaction hash, in a block, with its Batch log (W-11)."""
        return self.mined is not None and self.mined.batch is not None

    def read_back(self) -> HistoryBatch:
        """The batch as it stands in the block, nothing of it from memory (W-12)."""
        assert self.mined is not None
        assert self.mined.batch is not None
        return opened_call(self.mined.batch, self.block_time, self.mined.calldata)


class Flights:
    """A lane's batches in flight, and whether one of them failed."""

    def __init__(self, lane: int, ledger: Ledger, signer: LaneSigner, watcher: Watcher, nonce: int) -> None:
        self._lane, self._ledger, self._signer, self._watcher = lane, ledger, signer, watcher
        self._nonce = nonce
        self._flights: deque[Flight] = deque()
        self.broken: str | None = None

    def __len__(self) -> int:
        return len(self._flights)

    @property
    def unsettled(self) -> list[Flight]:
        """What no block has settled yet."""
        return [flight for flight in self._flights if not flight.settled]

    def has_room(self, most: int, most_gas: int) -> bool:
        """Whether another batch like the last one may be sent."""
        out = self.unsettled
        return not out or (len(out) < most and sum(f.batch.gas for f in out) + out[-1].batch.gas <= most_gas)

    @property
    def over(self) -> bool:
        """One failed, so all behind it fail; the nonce of every one is settled, and what succeeded is published."""
        return self.broken is not None and all(f.settled for f in self._flights) and not self.attested()

    @property
    def blocks_behind(self) -> int:
        """Blocks since the oldest batch in flight was offered."""
        first = self._flights[0].offered_at if self._flights else None
        return 0 if first is None else max(0, self._watcher.height - first)

    def add(self, batch: Batch) -> Flight:
        """Sign the next nonce over a batch; it is not offered yet."""
        flight = Flight(batch, self._nonce, self._signer.sign(self._nonce, batch.gas, batch.calldata))
        self._nonce += 1
        self._flights.append(flight)
        return flight

    def unoffered(self) -> list[Flight]:
        """What no node was seen to accept, in nonce order."""
        return [flight for flight in self._flights if flight.offered_at is None and not flight.settled]

    def stale(self, blocks: int) -> list[Flight]:
        """What a pool may have lost (quirk 3): offered so many blocks ago, not settled; the next in turn one less."""
        height = self._watcher.height
        return [
            flight
            for at, flight in enumerate(self.unsettled)
            if flight.offered_at is not None and height - flight.offered_at >= blocks - (at == 0)
        ]

    async def offer(self, flight: Flight) -> bool:
        """Offer the same bytes once; whether the next flight may be offered now.

        Whatever a node answers, only a block tells success (W-11).
        """
        try:
            await self._ledger.send(flight.signed.raw)
        except NonceTaken as taken:
            log.warning("nonce_taken", lane=self._lane, nonce=flight.nonce, reason=taken.detail)
        except LedgerRejected as rejected:
            log.error("batch_rejected", lane=self._lane, first=flight.batch.first, reason=rejected.detail)
            self.broken = rejected.detail
            self._drop_from(flight)
            return False
        except LedgerUnreachable as away:
            log.warning("batch_not_offered", lane=self._lane, first=flight.batch.first, reason=away.detail)
            flight.offered_at = None
            return False
        flight.offered_at = self._watcher.height
        return True

    def see(self, block: LaneBlock, sender: bytes) -> None:
        """Settle what the block settles."""
        by_nonce = {flight.nonce: flight for flight in self._flights}
        for tx in block.transactions:
            flight = by_nonce.get(tx.nonce) if tx.sender == sender else None
            if flight is None:
                continue
            if tx.hash != flight.signed.hash:
                self._take(flight, f"nonce {tx.nonce} was filled by another transaction")
                continue
            flight.mined, flight.block_time = tx, block.time
            if tx.batch is None:
                self._break(f"the contract refused batch {flight.batch.first}")

    def see_nonce(self, next_nonce: int) -> None:
        """Every block up to the height where the sender's next nonce is this was seen: what is below it is taken."""
        for flight in self._flights:
            if not flight.settled and flight.nonce < next_nonce:
                self._take(flight, f"nonce {flight.nonce} was filled unseen")

    def attested(self, most_events: int | None = None) -> list[Flight]:
        """The attested flights at the front, in lane order, one at least if there is one; they stay until `forget`."""
        ready, events = list[Flight](), 0
        for flight in self._flights:
            events += flight.batch.count
            if not flight.attested or (ready and most_events is not None and events > most_events):
                break
            ready.append(flight)
        return ready

    def forget(self, count: int) -> None:
        """Drop the first flights: they are published."""
        for _ in range(count):
            self._flights.popleft()

    def offsets(self) -> list[int]:
        """The bus offsets of the runs in flight."""
        return [run.offset for flight in self._flights for run in flight.batch.runs]

    def _take(self, flight: Flight, why: str) -> None:
        flight.taken = True
        self._break(why)

    def _break(self, why: str) -> None:
        if self.broken is None:
            log.warning("batch_failed", lane=self._lane, reason=why, behind=len(self._flights))
            self.broken = why

    def _drop_from(self, flight: Flight) -> None:
        """Bytes that are never mined leave their nonce free: neither they nor what was never offered is waited for."""
        while self._flights and self._flights[-1].nonce >= flight.nonce:
            self._flights.pop()
