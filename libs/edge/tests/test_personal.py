"""Personal fields of a service: their values are in no problem, no log line, no span (invariant 6)."""

import io
import json
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from libs.edge.hiding import shown_of
from libs.edge.logging import configure_logging
from libs.edge.problems import findings_of
from libs.edge.tests.sample import Sample
from libs.kernel.errors import CheckUnavailable, InvalidValue

NEEDLE = "Zoë Ångström-Needle of 12 Haystack Row"
KEY = {"Idempotency-Key": "k-1"}


class Watched:
    """The sample service with personal titles, and everything that it says: answers, log lines, spans."""

    def __init__(self, home: Path) -> None:
        self.sample = Sample(home, personal=frozenset({"title", "tin"}))
        self.log, self.spans = io.StringIO(), InMemorySpanExporter()
        configure_logging("notes", "debug", self.sample.clock.now, self.log)
        if not isinstance(trace.get_tracer_provider(), TracerProvider):
            trace.set_tracer_provider(TracerProvider(shutdown_on_exit=False))
        provider = trace.get_tracer_provider()
        assert isinstance(provider, TracerProvider)
        provider.add_span_processor(SimpleSpanProcessor(self.spans))

    def said(self) -> str:
        spans = "\n".join(span.to_json() for span in self.spans.get_finished_spans())
        assert spans
        return self.log.getvalue() + spans


@pytest.fixture
def watched(tmp_path: Path) -> Watched:
    return Watched(tmp_path)


@pytest.mark.parametrize(
    ("body", "places"),
    [
        ({"title": NEEDLE, "amount": "1"}, {"body.title"}),
        ({"title": [NEEDLE], "amount": "1"}, {"body.title"}),
        ({"titel": NEEDLE, "amount": "1"}, {"body.title", "body.titel"}),
        ({"title": "", "amount": "1", "tin": NEEDLE}, {"body.title", "body.tin"}),
        (NEEDLE, {"body"}),
        ([NEEDLE], {"body"}),
    ],
)
async def test_inv06_a_value_that_is_not_valid_is_named_by_its_place_alone(
    watched: Watched, body: object, places: set[str]
) -> None:
    async with watched.sample.client() as client:
        answer = await client.post("/notes", json=body, headers=KEY)
    assert answer.status_code == 422
    assert {finding["field"] for finding in answer.json()["errors"]} == places
    assert NEEDLE not in answer.text
    assert NEEDLE not in watched.said()


async def test_inv06_what_is_not_personal_is_still_shown(watched: Watched) -> None:
    async with watched.sample.client() as client:
        found = (await client.post("/notes", json={"title": "a", "amount": "lots"}, headers=KEY)).json()
    assert found["errors"][0]["value"] == "lots"


async def test_inv06_a_number_that_is_no_json_of_ours_is_not_shown_either(watched: Watched) -> None:
    async with watched.sample.client(**{"Content-Type": "application/json"}) as client:
        for number in (b"12345678901234567890", b"19700102.5"):
            answer = await client.post("/notes", content=b'{"tin": ' + number + b"}", headers=KEY)
            assert (answer.status_code, number.decode() in answer.text) == (422, False)


async def test_inv06_a_refusal_of_the_rules_hides_the_value_now_and_in_its_status(watched: Watched) -> None:
    async with watched.sample.client() as client:
        refused = await client.post("/notes", json={"title": "plain", "amount": "1"}, headers=KEY)
        assert refused.status_code == 409
        status = await client.get(refused.headers["link"].partition(">")[0].lstrip("<"))
    for problem in (refused.json(), status.json()["problem"]):
        assert (problem["field"], problem["value"]) == ("title", "(hidden)")
        assert "plain" not in problem["detail"]


async def test_inv06_an_error_of_ours_does_not_carry_the_value_into_the_log(watched: Watched) -> None:
    async with watched.sample.client() as client:
        for error in (
            CheckUnavailable(f"the list is away for {NEEDLE}", field="title", value=NEEDLE),
            InvalidValue(f"{NEEDLE} is on no list", field="payload.holder.title", value=NEEDLE),
        ):
            watched.sample.gateway.error = error
            answer = await client.post("/notes", json={"title": "a", "amount": "1"}, headers=KEY)
            assert (answer.status_code, NEEDLE in answer.text) == (error.status, False)
    assert NEEDLE not in watched.said()


@pytest.mark.parametrize(
    "address", ["/notes", "/notes/broken", "/nothing", "/notes/0198c5a0-0000-7000-8000-000000000000"]
)
async def test_inv06_the_query_of_an_address_is_in_no_log_and_no_span(watched: Watched, address: str) -> None:
    async with watched.sample.client() as client:
        answer = await client.get(address, params={"whom": NEEDLE, "title": NEEDLE})
    assert NEEDLE not in answer.text
    said = watched.said()
    for spelling in (NEEDLE, "Needle", "Haystack", "whom=", httpx.QueryParams({"x": NEEDLE})["x"], "%C3%85ngstr"):
        assert spelling not in said, spelling


@given(st.text(min_size=1), st.lists(st.text(max_size=5), max_size=3), st.lists(st.text(max_size=5), max_size=3))
def test_inv06_no_place_above_or_below_a_personal_field_shows_a_value(
    value: str, above: list[str], below: list[str]
) -> None:
    assume(value not in ".".join((*above, "Family_Name", *below)))  # a place is named, whatever it is called
    error: dict[str, Any] = {
        "type": "value_error", "loc": (*above, "Family_Name", *below), "input": value,
        "msg": f"not a name: {value!r} {value}",
    }  # fmt: skip
    found = findings_of([error], "body", frozenset({"family_name"}))[0]
    assert found.value == "(hidden)"
    problem = {"field": found.field, "value": value, "detail": error["msg"], "errors": [found.model_dump()]}
    shown = shown_of(problem, frozenset({"familyName"}))
    assert shown["value"] == "(hidden)"
    if len("".join(filter(str.isalnum, value))) > 4:
        assert value not in json.dumps([found.message, shown["detail"], shown["errors"]], ensure_ascii=False)
