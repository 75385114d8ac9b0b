"""One look at each new block, shared by all lanes of the process (W-11)."""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

import structlog

from libs.ledger.port import Ledger, LedgerUnreachable, MinedTransaction
from libs.ports import Clock
from services.attestation.health import Health

log = structlog.get_logger(__name__)

AWAY_S = 0.25
# A lane that lets so many of its blocks pile up has stood still: it begins again from the contract.
MOST_BLOCKS = 64


class LaneBlock(NamedTuple):
    """What a block holds for one lane: transactions of its sender, and batches of the lane by whomever."""

    number: int
    time: int
    transactions: list[MinedTransaction]


class Watch:
    """One lane's view of the blocks since it began to look."""

    def __init__(self, lane: int, sender: bytes) -> None:
        self._lane, self._sender = lane, sender
        self._blocks: deque[LaneBlock] = deque()
        self.missed = False

    def take(self) -> list[LaneBlock]:
        """The blocks since the last call, oldest first."""
        blocks = list(self._blocks)
        self._blocks.clear()
        return blocks

    def see(self, number: int, time: int, transactions: list[MinedTransaction]) -> None:
        """Note what concerns the lane in a new block."""
        ours = [
            tx
            for tx in transactions
            if tx.sender == self._sender or (tx.batch is not None and tx.batch.lane == self._lane)
        ]
        if len(self._blocks) >= MOST_BLOCKS:
            self._blocks.clear()
            self.missed = True
        self._blocks.append(LaneBlock(number, time, ours))


class Watcher:
    """Follows the chain and hands each block to the lanes that look; `height` is the last block handed out."""

    def __init__(self, ledger: Ledger, clock: Clock, health: Health, poll_s: float) -> None:
        self._ledger, self._clock, self._health, self._poll_s = ledger, clock, health, poll_s
        self._watches: dict[Watch, None] = {}
        self.height = 0

    def watch(self, lane: int, sender: bytes) -> Watch:
        """Look at every block from now on; whatever is sent after this call is seen."""
        watch = Watch(lane, sender)
        self._watches[watch] = None
        return watch

    def end(self, watch: Watch) -> None:
        """Look no more."""
        self._watches.pop(watch, None)

    async def run(self) -> None:
        """Follow the chain until cancelled."""
        self.height = await self._first()
        while True:
            try:
                newest = await self._ledger.height()
                while self.height < newest and await self._look(self.height + 1):
                    pass
                self._health.ledger(None)
                self._health.height(newest, newest - self.height)
                await self._clock.sleep(self._poll_s)
            except LedgerUnreachable as away:
                self._health.ledger(away.detail)
                log.warning("ledger_away", reason=away.detail, height=self.height)
                await self._clock.sleep(AWAY_S)

    async def _first(self) -> int:
        while True:
            try:
                return await self._ledger.height()
            except LedgerUnreachable as away:
                self._health.ledger(away.detail)
                await self._clock.sleep(AWAY_S)

    async def _look(self, number: int) -> bool:
        """Hand out one block; False while no node has it (quirk 2)."""
        if self._watches:
            block = await self._ledger.block(number)
            if block is None:
                return False
            for watch in self._watches:
                watch.see(number, block.time, block.transactions)
        self.height = number
        return True
