"""The test vectors of docs/payload-format.md: our codec gives them, and a reader written from the page reads them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import rfc8785
import zstandard
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from eth_abi.abi import encode
from eth_utils.crypto import keccak

from libs.kernel.envelope import Actor, Decision, EventEntry
from libs.ledger.abi import AttestCall, Mark, decode_attest, encode_attest
from libs.ledger.codec import (
    MalformedRun,
    decode_payload,
    decode_run,
    encode_payload,
    encode_run,
    records,
    split_sealed,
)
from libs.ledger.hashing import extend, genesis_head, leaf, merkle_root
from libs.ledger.keys import sealer
from libs.ledger.opening import marks_of

VECTORS: dict[str, Any] = json.loads(Path(__file__).with_name("vectors.json").read_text())
GENESIS = bytes.fromhex(VECTORS["genesis_head"])
PAYLOAD = bytes.fromhex(VECTORS["payload"])
LANE = VECTORS["lane"]


def decision(wire: dict[str, Any]) -> Decision:
    """A decision of the vectors."""
    events = tuple(EventEntry(*one) for one in wire["events"])
    return Decision(**{**wire, "actor": Actor.parse(wire["actor"]), "events": events})


def test_the_codec_writes_the_runs_of_the_vectors() -> None:
    for known in VECTORS["runs"]:
        written = [decision(one) for one in known["decisions"]]
        blob = encode_run(known["service"], LANE, known["epoch"], known["first"], written)
        assert blob == known["run"].encode()
        private = bytes.fromhex(VECTORS["signing_keys"][known["service"]]["private"])
        seal = sealer(Ed25519PrivateKey.from_private_bytes(private), lambda _: GENESIS)
        assert seal(LANE, blob) == bytes.fromhex(known["signature"]) + blob


def test_the_codec_reads_payload_and_records_of_the_vectors() -> None:
    """zstd's bytes may differ from release to release; its content may not."""
    expected = [bytes.fromhex(known["signature"]) + known["run"].encode() for known in VECTORS["runs"]]
    assert decode_payload(PAYLOAD) == expected == decode_payload(encode_payload(expected))
    for known, sealed in zip(VECTORS["runs"], expected, strict=True):
        found = [raw for raw, _ in records(decode_run(split_sealed(sealed)[1]))]
        assert [raw.decode() for raw in found] == [one["raw"] for one in known["records"]]
        assert [leaf(raw).hex() for raw in found] == [one["leaf"] for one in known["records"]]


def test_hashes_marks_and_calldata_are_those_of_the_vectors() -> None:
    assert genesis_head(VECTORS["chain_id"], bytes.fromhex(VECTORS["contract"]), LANE) == GENESIS
    leaves = [bytes.fromhex(one["leaf"]) for known in VECTORS["runs"] for one in known["records"]]
    assert extend(GENESIS, leaves).hex() == VECTORS["head"]
    assert merkle_root(leaves).hex() == VECTORS["root"]
    marks = marks_of([decode_run(known["run"].encode()) for known in VECTORS["runs"]])
    assert marks == tuple(Mark(**{**one, "producer": bytes.fromhex(one["producer"])}) for one in VECTORS["marks"])
    call = AttestCall(LANE, 1, GENESIS, marks, b"".join(leaves), PAYLOAD)
    assert encode_attest(call).hex() == VECTORS["calldata"]
    assert decode_attest(bytes.fromhex(VECTORS["calldata"])) == call


@pytest.mark.parametrize("name", VECTORS["malformed_payloads"])
def test_a_malformed_payload_of_the_vectors_is_refused(name: str) -> None:
    with pytest.raises(MalformedRun):
        decode_payload(bytes.fromhex(VECTORS["malformed_payloads"][name]))


@pytest.mark.parametrize("name", VECTORS["malformed_runs"])
def test_w13_a_malformed_run_of_the_vectors_is_refused(name: str) -> None:
    text = VECTORS["malformed_runs"][name]
    assert text not in [known["run"] for known in VECTORS["runs"]]
    with pytest.raises(MalformedRun):
        decode_run(text.encode())


# A second reader, from the words of docs/payload-format.md and nothing of libs/ledger.


def sealed_runs(payload: bytes) -> list[bytes]:
    """The length-prefixed parts of the frame."""
    assert payload[0] == 1
    content, found = zstandard.ZstdDecompressor().decompress(payload[1:]), []
    while content:
        length = int.from_bytes(content[:4], "big")
        found.append(content[4 : 4 + length])
        content = content[4 + length :]
    return found


def bodies(run: dict[str, Any]) -> list[dict[str, Any]]:
    """The bodies of a run's events."""
    found = []
    for number, row in enumerate(run["decisions"]):
        own, time, tenant, actor, causation, correlation, command, request, events = row
        for index, (kind, stream, version, data) in enumerate(events):
            raw_id = bytearray(UUID(own).bytes[:6] + keccak(UUID(own).bytes + index.to_bytes(4, "big"))[:10])
            raw_id[6] = 0x70 | raw_id[6] & 0x0F
            raw_id[8] = 0x80 | raw_id[8] & 0x3F
            found.append(
                {
                    "id": str(UUID(bytes=bytes(raw_id))),
                    "type": run["types"][kind],
                    "stream": stream,
                    "version": version,
                    "tenant": run["tenants"][tenant],
                    "actor": run["actors"][actor],
                    "time": time,
                    "causation": causation,
                    "correlation": own if correlation is None else correlation,
                    "decision": {"id": own, "index": index, "count": len(events)},
                    "producer": {"service": run["service"], "epoch": run["epoch"], "seq": run["first"] + number},
                    "command": command,
                    "request": request,
                    "data": data,
                }
            )
    return found


def test_a_reader_written_from_the_page_rebuilds_every_record_head_and_signature() -> None:
    domain = keccak(text="cartulary.lane.v1")
    words = [domain, VECTORS["chain_id"], bytes.fromhex(VECTORS["contract"]), LANE]
    head = keccak(encode(["bytes32", "uint256", "address", "uint64"], words))
    assert head == GENESIS
    raws = []
    for sealed in sealed_runs(PAYLOAD):
        run = json.loads(sealed[64:])
        assert rfc8785.dumps(run) == sealed[64:]
        key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(VECTORS["signing_keys"][run["service"]]["public"]))
        key.verify(sealed[:64], b"cartulary.run.v1" + GENESIS + sealed[64:])
        raws += [rfc8785.dumps(one) for one in bodies(run)]
    assert [raw.decode() for raw in raws] == [one["raw"] for known in VECTORS["runs"] for one in known["records"]]
    for raw in raws:
        head = keccak(head + keccak(b"\x00" + raw))
    assert head.hex() == VECTORS["head"]
