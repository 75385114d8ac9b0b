"""What the last successful verification saw, so that a ledger which forgot some of it is refused."""

from __future__ import annotations

import os
import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import orjson

from libs.kernel.errors import CartularyError
from libs.ledger.opening import BadBatch, Lie
from libs.ledger.port import LaneState, LedgerIdentity, ProducerKey

FILE = "verified.json"
_VERSION = 1


class RememberedUnusable(CartularyError):
    """The file of the last verified heads cannot be read."""

    code = "verified-unusable"


class Remembered(NamedTuple):
    """The ledger, its lanes' next sequence numbers and heads, and the producers' keys, as last verified."""

    identity: LedgerIdentity
    lanes: list[LaneState]
    keys: list[ProducerKey]


def load(path: Path) -> Remembered | None:
    """What `save` wrote, None before the first time; raises RememberedUnusable."""
    if not path.exists():
        return None
    try:
        wire = orjson.loads(path.read_bytes())
        identity = LedgerIdentity(
            wire["chainId"], bytes.fromhex(wire["contract"]), len(wire["lanes"]), wire["deployedBlock"]
        )
        lanes = [LaneState(lane["next"], bytes.fromhex(lane["head"])) for lane in wire["lanes"]]
        keys = [ProducerKey(service, bytes.fromhex(key), block, index) for service, key, block, index in wire["keys"]]
    except (KeyError, TypeError, ValueError) as error:
        raise RememberedUnusable(f"{path} cannot be read; remove it to begin anew", field="verified.json") from error
    return Remembered(identity, lanes, keys)


def save(path: Path, remembered: Remembered) -> None:
    """Replace the file in one step."""
    identity = remembered.identity
    wire = {
        "v": _VERSION,
        "chainId": identity.chain_id,
        "contract": identity.contract.hex(),
        "deployedBlock": identity.deployed_block,
        "lanes": [{"next": lane.next, "head": lane.head.hex()} for lane in remembered.lanes],
        "keys": [[key.service, key.key.hex(), key.block, key.log_index] for key in remembered.keys],
    }
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    fresh = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    with fresh.open("wb") as file:
        file.write(orjson.dumps(wire, option=orjson.OPT_INDENT_2))
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)


def check(identity: LedgerIdentity, expected: LedgerIdentity, whose: str) -> None:
    """Raise BadBatch unless the ledger is the one that somebody expects."""
    for name, is_, was in (
        ("chain", identity.chain_id, expected.chain_id),
        ("contract", "0x" + identity.contract.hex(), "0x" + expected.contract.hex()),
        ("number of lanes", identity.lanes, expected.lanes),
    ):
        if is_ != was:
            raise BadBatch(Lie.OTHER_LEDGER, f"its {name} is {is_}, {whose} names {was}")


def check_keys(keys: Sequence[ProducerKey], before: Sequence[ProducerKey]) -> None:
    """Raise BadBatch when a registration that was seen before is gone or another."""
    for was, is_ in zip(before, [*keys, *[None] * len(before)], strict=False):
        if is_ is None or was[:3] != is_[:3]:
            raise BadBatch(
                Lie.FORKED_HISTORY,
                f"the key of {was.service} that was registered in block {was.block} is gone or another",
            )
