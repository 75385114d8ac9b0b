"""Deploying the contract: once per state directory, and found again ever after.

What was deployed is remembered in `ledger.json`. A deployment under way is remembered before it is sent, in
`ledger.pending.json`, so that a crash in between ends with the same contract and not with a second one.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import secrets
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import IO, Any

import orjson

from libs.kernel.errors import CartularyError, InvalidValue
from libs.ledger import abi
from libs.ledger.artifact import creation_code, deployed_code
from libs.ledger.hashing import producer_name
from libs.ledger.identity import ADDRESS_BYTES, LedgerMismatch, load_identity, parse_address
from libs.ledger.keys import lane_key, owner_key, producer_key, public_bytes
from libs.ledger.owner import OwnerAccount, Signed
from libs.ledger.port import LedgerIdentity, LedgerRejected, LedgerUnreachable, NonceTaken
from libs.ledger.rpc import JsonRpc, RpcError
from libs.ledger.signing import Account

CONTRACT_ENV = "CARTULARY_LEDGER_CONTRACT"
_LOCK_LOOK_S = 0.05


class LaneCountChanged(CartularyError):
    """The ledger was deployed with another number of lanes, which is set once (W-2)."""

    code = "lane-count-changed"


class NotTheOwner(CartularyError):
    """Lanes or producers must be set on a contract that another account owns."""

    code = "not-the-owner"


async def deploy(
    rpc_urls: Sequence[str],
    keystore: Path,
    home: Path,
    *,
    lanes: int,
    producers: Sequence[str],
    wait_s: float = 60.0,
) -> LedgerIdentity:
    """The ledger of this state directory, deployed if there is none; lanes granted and producers registered.

    May be run again and by several processes at once: only what is missing or different is sent. The contract
    that CARTULARY_LEDGER_CONTRACT names (0x…) is used instead of a new one. `wait_s` bounds each wait.
    Raises LaneCountChanged, LedgerMismatch, NotTheOwner, LedgerRejected, NonceTaken, LedgerUnreachable.
    """
    if lanes < 1:
        raise InvalidValue("a ledger has at least one lane", field="lanes", value=lanes)
    async with _alone(home, wait_s), JsonRpc(rpc_urls, timeout_s=10.0) as rpc:
        chain_id = int(await rpc.call("eth_chainId", wanted=_is_text), 16)
        owner = OwnerAccount(rpc, owner_key(keystore), chain_id, wait_s=wait_s)
        identity = await _known(rpc, home, chain_id, lanes)
        if identity is None:
            identity = await _deployed(owner, home, chain_id, lanes)
            _write(home / "ledger.json", {**identity._asdict(), "contract": "0x" + identity.contract.hex()})
            (home / "ledger.pending.json").unlink(missing_ok=True)
        await _grant(rpc, owner, identity, keystore, producers)
    return identity


# --- which contract -------------------------------------------------------------------------------


async def _known(rpc: JsonRpc, home: Path, chain_id: int, lanes: int) -> LedgerIdentity | None:
    """The remembered or the given contract, held against what the chain says."""
    identity, given = load_identity(home), os.environ.get(CONTRACT_ENV)
    if given:
        contract = parse_address(given)
        if identity is not None and identity.contract != contract:
            where = f"{home / 'ledger.json'} remembers 0x{identity.contract.hex()}"
            raise LedgerMismatch(f"{CONTRACT_ENV} is {given}, {where}", field=CONTRACT_ENV, value=given)
        if identity is None:
            count = await _lanes_at(rpc, contract)
            identity = LedgerIdentity(chain_id, contract, count, await _birth(rpc, contract))
            await _check(rpc, identity, chain_id, lanes)
            _write(home / "ledger.json", {**identity._asdict(), "contract": "0x" + contract.hex()})
            return identity
    if identity is not None:
        await _check(rpc, identity, chain_id, lanes)
    return identity


async def _check(rpc: JsonRpc, identity: LedgerIdentity, chain_id: int, lanes: int) -> None:
    address = "0x" + identity.contract.hex()
    if identity.chain_id != chain_id:
        raise LedgerMismatch(
            f"the ledger is on chain {identity.chain_id}, the node is on {chain_id}",
            field="chain_id",
            value=chain_id,
        )
    if identity.lanes != lanes:
        raise LaneCountChanged(
            f"the ledger {address} has {identity.lanes} lanes for good; start with that number, not {lanes}",
            field="lanes", value=lanes,
        )  # fmt: skip
    code = await rpc.call("eth_getCode", address, "latest", wanted=_is_text)
    if bytes.fromhex(code[2:]) != deployed_code(lanes):
        found = "another contract" if len(code) > 2 else "nothing"
        raise LedgerMismatch(
            f"at {address} on chain {chain_id} there is {found}, not this ledger:"
            " is it the right node, and is its data whole?",
            field="contract", value=address,
        )  # fmt: skip


async def _lanes_at(rpc: JsonRpc, contract: bytes) -> int:
    call = {"to": "0x" + contract.hex(), "data": "0x" + abi.encode_lanes().hex()}
    answer = await rpc.call("eth_call", call, "latest", wanted=_is_text)
    if len(answer) != 2 + 2 * abi.WORD:
        raise LedgerMismatch(f"at 0x{contract.hex()} there is no ledger", field=CONTRACT_ENV)
    return int(answer, 16)


async def _birth(rpc: JsonRpc, contract: bytes) -> int:
    """The block of the contract's first log, its constructor's; 0 when the node will not look so far back."""
    topic = "0x" + abi.topic("OwnershipTransferred(address,address)").hex()
    query = {"address": "0x" + contract.hex(), "topics": [topic], "fromBlock": "0x0", "toBlock": "latest"}
    try:
        logs = await rpc.call("eth_getLogs", query)
    except RpcError:
        return 0
    return min((int(log["blockNumber"], 16) for log in logs or ()), default=0)


# --- a new contract -------------------------------------------------------------------------------


async def _deployed(owner: OwnerAccount, home: Path, chain_id: int, lanes: int) -> LedgerIdentity:
    pending = home / "ledger.pending.json"
    signed = _pending(pending, chain_id, lanes)
    if signed is not None:
        try:
            return await _made(owner, signed, chain_id, lanes)
        except (NonceTaken, LedgerRejected):
            pending.unlink()  # it was not mined and will not be: its nonce is gone, or its price too low by now
    (signed,) = await owner.sign(None, [creation_code(lanes)])
    wire = {"raw": signed.raw.hex(), "hash": signed.hash.hex(), "nonce": signed.nonce}
    _write(pending, {"chain_id": chain_id, "lanes": lanes, **wire})
    return await _made(owner, signed, chain_id, lanes)


def _pending(path: Path, chain_id: int, lanes: int) -> Signed | None:
    if not path.exists():
        return None
    known = orjson.loads(path.read_bytes())
    if known["chain_id"] != chain_id:
        return None
    if known["lanes"] != lanes:
        raise LaneCountChanged(
            f"a deployment with {known['lanes']} lanes is under way; go on with that number or remove {path}",
            field="lanes", value=lanes,
        )  # fmt: skip
    return Signed(bytes.fromhex(known["raw"]), bytes.fromhex(known["hash"]), known["nonce"])


async def _made(owner: OwnerAccount, signed: Signed, chain_id: int, lanes: int) -> LedgerIdentity:
    (receipt,) = await owner.settle([signed])
    if receipt.contract is None:
        raise LedgerMismatch(f"transaction 0x{signed.hash.hex()} made no contract", field="contract")
    return LedgerIdentity(chain_id, receipt.contract, lanes, receipt.block)


# --- lanes and producers --------------------------------------------------------------------------


async def _grant(
    rpc: JsonRpc, owner: OwnerAccount, identity: LedgerIdentity, keystore: Path, producers: Sequence[str]
) -> None:
    """Send only what is missing or different; raises NotTheOwner when that is another's to send."""
    looks: list[bytes] = []
    wanted: list[tuple[bytes, bytes]] = []
    for lane in range(identity.lanes):
        holder = Account(lane_key(keystore, lane)).address.rjust(abi.WORD, b"\0")
        looks.append(abi.encode_holder(lane))
        wanted.append((holder, abi.selector("grantLane(uint64,address)") + abi.word(lane) + holder))
    for service in producers:
        name, key = producer_name(service), public_bytes(producer_key(keystore, service))
        looks.append(abi.encode_producer_key(name))
        wanted.append((key, abi.selector("registerProducer(bytes32,bytes32)") + name + key))
    *known, current_owner = await _views(rpc, identity.contract, [*looks, abi.selector("owner()")])
    missing = [call for (value, call), seen in zip(wanted, known, strict=True) if seen != value]
    if not missing:
        return
    if current_owner[-ADDRESS_BYTES:] != owner.address:
        raise NotTheOwner(
            f"0x{current_owner[-ADDRESS_BYTES:].hex()} owns the ledger 0x{identity.contract.hex()}"
            f" and must send {len(missing)} grants or registrations first;"
            f" this keystore's owner is 0x{owner.address.hex()}",
            field="owner", value=len(missing),
        )  # fmt: skip
    await owner.settle(await owner.sign(identity.contract, missing))


async def _views(rpc: JsonRpc, contract: bytes, calls: Sequence[bytes]) -> list[bytes]:
    address = "0x" + contract.hex()
    requests = [("eth_call", ({"to": address, "data": "0x" + data.hex()}, "latest")) for data in calls]
    return [bytes.fromhex(answer[2:]) for answer in await rpc.batch(requests)]


# --- the state directory --------------------------------------------------------------------------


@asynccontextmanager
async def _alone(home: Path, wait_s: float) -> AsyncIterator[None]:
    """Hold the state directory's lock; the system gives it back when the process ends, however it ends."""
    with await asyncio.to_thread(_lock_file, home) as file:
        try:
            async with asyncio.timeout(wait_s):
                while not _took(file.fileno()):  # noqa: ASYNC110 - another process tells nobody that it is done
                    await asyncio.sleep(_LOCK_LOOK_S)
        except TimeoutError:
            raise LedgerUnreachable(f"another process has been deploying into {home} for {wait_s:g} s") from None
        yield


def _lock_file(home: Path) -> IO[bytes]:
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    return (home / "ledger.lock").open("ab")


def _took(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _write(path: Path, value: Mapping[str, Any]) -> None:
    """Replace the file in one step, so that a reader sees the old one or the new one."""
    fresh = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    with fresh.open("wb") as file:
        file.write(orjson.dumps(value, option=orjson.OPT_INDENT_2))
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)


def _is_text(answer: Any) -> bool:
    return isinstance(answer, str)
