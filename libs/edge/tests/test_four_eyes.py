"""Who proposes and who approves: permissions around changes under four eyes (TA-F-4, TA-I-8)."""

from typing import Any

import httpx
import pytest

from libs.edge.tests.sample import Sample

CHANGE = {"command": "ChangeNote", "payload": {"title": "b"}}
BURN = {"command": "BurnNote", "payload": {}}


async def propose(client: httpx.AsyncClient, body: object, key: str = "p-1", **headers: str) -> httpx.Response:
    return await client.post("/changes", json=body, headers={"Idempotency-Key": key, **headers})


async def decide(client: httpx.AsyncClient, address: str, what: str, **headers: str) -> httpx.Response:
    body = {"json": {"reason": "not this"}} if what == "reject" else {}
    return await client.post(f"{address}/{what}", headers={"Idempotency-Key": what, **headers}, **body)  # type: ignore[arg-type]


def forbidden(answer: httpx.Response) -> Any:
    assert (answer.status_code, answer.json()["type"]) == (403, "urn:cartulary:problem:forbidden")
    return answer.json()["permission"]


async def test_f4_who_may_not_propose_a_command_is_told_command_and_permission(
    sample: Sample, client: httpx.AsyncClient
) -> None:
    answer = await propose(client, CHANGE, **sample.bearer("u-2", role="compliance"))
    assert forbidden(answer) == "propose:notes.ChangeNote"
    assert sample.desk.rows == {}
    assert sample.gateway.commands == []


async def test_f4_who_may_not_approve_this_command_may_approve_another(
    sample: Sample, client: httpx.AsyncClient
) -> None:
    second = sample.bearer("u-2")
    change = (await propose(client, CHANGE)).headers["location"]
    burn = (await propose(client, BURN, "p-2")).headers["location"]
    decided = len(sample.gateway.commands)
    assert forbidden(await decide(client, burn, "approve", **second)) == "approve:notes.BurnNote"
    assert len(sample.gateway.commands) == decided
    assert (await decide(client, change, "approve", **second)).status_code == 200
    compliance = sample.bearer("u-3", role="compliance")
    assert (await decide(client, burn, "approve", **compliance)).status_code == 200


async def test_f4_a_command_is_rejected_by_who_may_approve_it_and_withdrawn_by_its_proposer(
    sample: Sample, client: httpx.AsyncClient
) -> None:
    burn = (await propose(client, BURN)).headers["location"]
    stranger = sample.bearer("u-2")
    assert forbidden(await decide(client, burn, "reject", **stranger)) == "approve:notes.BurnNote"
    assert (await decide(client, burn, "reject", **sample.bearer("u-3", role="compliance"))).status_code == 200
    assert (await decide(client, burn, "reject")).status_code in {200, 409}


async def test_i8_a_caller_bound_to_a_distributor_proposes_nothing_by_name(
    sample: Sample, client: httpx.AsyncClient
) -> None:
    bound = sample.bearer("u-4", distributor="d-1")
    assert forbidden(await propose(client, CHANGE, **bound)) == "changes:propose"
    assert sample.gateway.commands == []


async def test_i8_a_distributor_sees_the_changes_that_came_from_it_and_no_others(
    sample: Sample, client: httpx.AsyncClient
) -> None:
    address = (await propose(client, CHANGE)).headers["location"]
    row = sample.desk.rows["acme"][0]
    sample.desk.rows["acme"].append({**row, "change": row["change"][:-1] + "0", "distributor": "d-1"})
    for name, seen in (("d-1", 1), ("d-2", 0)):
        bound = sample.bearer("u-4", role="distributor", distributor=name)
        assert len((await client.get("/changes", headers=bound)).json()["items"]) == seen
        assert (await client.get(address, headers=bound)).status_code == 404
        for what in ("reject", "approve"):
            assert (await decide(client, address, what, **bound)).status_code in {403, 404}
    assert len((await client.get("/changes")).json()["items"]) == 2


async def test_inv06_a_sealed_value_of_a_proposal_is_shown_as_it_is(sample: Sample, client: httpx.AsyncClient) -> None:
    address = (await propose(client, CHANGE)).headers["location"]
    sample.desk.rows["acme"][0]["payload"] = {"iban": {"sealed": "AAECAwQF"}, "days": 3}
    assert (await client.get(address)).json()["payload"] == {"iban": {"sealed": "AAECAwQF"}, "days": 3}


@pytest.mark.parametrize("role", ["auditor", "administrator"])
async def test_who_only_reads_neither_proposes_nor_decides(
    sample: Sample, client: httpx.AsyncClient, role: str
) -> None:
    address = (await propose(client, CHANGE)).headers["location"]
    reader = sample.bearer("u-5", role=role)
    assert (await client.get(address, headers=reader)).status_code == 200
    assert forbidden(await propose(client, CHANGE, "p-9", **reader)) == "changes:propose"
    for what in ("approve", "reject"):
        assert forbidden(await decide(client, address, what, **reader)) == f"changes:{what}"
