"""What the served services say of themselves is so: random requests, good and bad ones, never end in a 5xx (C7)."""

from __future__ import annotations

import os
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import checks as expected

from libs.edge.fleet import ServedFleet
from libs.edge.importing import Imported
from libs.testkit.journey import People

# Short and the same each time in `make test`; LONG=1 looks for new ones.
LONG = os.environ.get("LONG") == "1"
EXAMPLES = 200 if LONG else 6
CHECKS = [
    expected.not_a_server_error, expected.status_code_conformance, expected.content_type_conformance,
    expected.response_schema_conformance, expected.negative_data_rejection, expected.ignored_auth,
]  # fmt: skip
OPERATIONS = [
    ("post", "/umbrellas"), ("get", "/umbrellas"), ("get", "/umbrellas/{umbrella}"),
    ("post", "/umbrellas/{umbrella}/sub-funds"), ("get", "/sub-funds"), ("get", "/sub-funds/{sub_fund}"),
    ("get", "/sub-funds/{sub_fund}/dealing"), ("get", "/sub-funds/{sub_fund}/calendar"),
    ("post", "/sub-funds/{sub_fund}/changes"), ("post", "/umbrellas/{umbrella}/sub-funds/{sub_fund}/share-classes"),
    ("get", "/share-classes"), ("get", "/share-classes/{share_class}"),
    ("post", "/share-classes/{share_class}/changes"),
    ("get", "/commands/{command}"), ("post", "/changes"), ("get", "/changes"), ("get", "/changes/{change}"),
    ("post", "/changes/{change}/approve"), ("post", "/changes/{change}/reject"),
]  # fmt: skip


@pytest.fixture(scope="module")
def document(fleet: ServedFleet) -> dict[str, Any]:
    found: dict[str, Any] = httpx.get(fleet.url("funds") + "/openapi.json").json()
    return found


def test_every_operation_is_tried(document: dict[str, Any]) -> None:
    assert {(method, path) for path, methods in document["paths"].items() for method in methods} == set(OPERATIONS)


def test_attestation_takes_no_commands_and_answers_no_queries(fleet: ServedFleet) -> None:
    assert httpx.get(fleet.url("attestation") + "/openapi.json").json()["paths"] == {}


@pytest.mark.parametrize("mode", list(schemathesis.GenerationMode))
@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_c7_no_request_makes_a_5xx_and_every_answer_is_described(
    document: dict[str, Any], people: People, imported: Imported, method: str, path: str,
    mode: schemathesis.GenerationMode,
) -> None:  # fmt: skip
    schema = schemathesis.openapi.from_dict(document)
    # Lists show what was imported; what random commands make is another tenant's.
    tenant = "meridian" if method == "get" else "anything"
    headers = {"Authorization": f"Bearer {people.token('fuzzer', tenant)}"}

    @given(case=schema[path][method.upper()].as_strategy(generation_mode=mode))
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        database=None,
        derandomize=not LONG,
    )
    def every(case: Any) -> None:
        case.call_and_validate(base_url=people.url, headers=headers, checks=CHECKS)

    every()
