"""What investors says of itself is so: random requests in a role that may send them never end in a 5xx (C7)."""

from __future__ import annotations

import os
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import checks as expected

from libs.edge.fleet import ServedFleet
from libs.testkit.journey import People

LONG = os.environ.get("LONG") == "1"
EXAMPLES = 200 if LONG else 4
CHECKS = [
    expected.not_a_server_error, expected.status_code_conformance, expected.content_type_conformance,
    expected.response_schema_conformance, expected.ignored_auth,
]  # fmt: skip
OPERATIONS = {
    "operations": [
        ("post", "/investors"), ("post", "/investors/batch"), ("post", "/investors/search"), ("get", "/investors"),
        ("get", "/investors/{investor}"), ("post", "/investors/{investor}/particulars"),
        ("post", "/investors/{investor}/tax"), ("post", "/investors/{investor}/submit"),
        ("post", "/investors/{investor}/withdraw"), ("get", "/investors/{investor}/history"),
        ("post", "/investors/{investor}/documents"), ("get", "/investors/{investor}/documents"),
        ("get", "/investors/{investor}/documents/{document}"), ("post", "/investors/{investor}/bank-accounts"),
        ("post", "/investors/{investor}/bank-accounts/{bank_account}/close"), ("get", "/bank-accounts"),
        ("get", "/bank-accounts/{bank_account}"), ("post", "/investors/{investor}/accounts"), ("get", "/accounts"),
        ("get", "/accounts/export"), ("get", "/accounts/{account}"), ("get", "/accounts/{account}/blocks"),
        ("post", "/accounts/{account}/blocks"), ("post", "/accounts/{account}/instructions"),
        ("post", "/accounts/{account}/payout"), ("post", "/accounts/{account}/close"),
        ("post", "/accounts/{account}/bank-account-change"), ("post", "/accounts/{account}/blocks/{block}/lifting"),
        ("post", "/investors/{investor}/erasure"), ("post", "/distributors"), ("get", "/distributors"),
        ("get", "/distributors/{code}"), ("post", "/distributors/{code}/end"), ("get", "/commands/{command}"),
        ("post", "/changes"), ("get", "/changes"), ("get", "/changes/{change}"), ("post", "/changes/{change}/approve"),
        ("post", "/changes/{change}/reject"),
    ],
    "compliance": [
        ("get", "/investors/{investor}/screening"), ("post", "/investors/{investor}/screening/resolutions"),
        ("post", "/investors/{investor}/information-request"), ("post", "/investors/{investor}/approve"),
        ("post", "/investors/{investor}/reject"), ("post", "/investors/{investor}/review"),
        ("post", "/investors/{investor}/end"),
        ("post", "/investors/{investor}/bank-accounts/{bank_account}/verify"),
    ],
    "data_protection": [("post", "/investors/{investor}/export")],
}  # fmt: skip
TRIED = [(role, *operation) for role, operations in OPERATIONS.items() for operation in operations]


@pytest.fixture(scope="module")
def document(fleet: ServedFleet) -> dict[str, Any]:
    found: dict[str, Any] = httpx.get(fleet.url("investors") + "/openapi.json").json()
    return found


def test_every_operation_is_tried(document: dict[str, Any]) -> None:
    found = {(method, path) for path, methods in document["paths"].items() for method in methods}
    assert found == {(method, path) for _, method, path in TRIED}


@pytest.mark.parametrize("mode", list(schemathesis.GenerationMode))
@pytest.mark.parametrize(("role", "method", "path"), TRIED, ids=[f"{method} {path}" for _, method, path in TRIED])
def test_c7_no_request_makes_a_5xx_and_every_answer_is_described(
    document: dict[str, Any], staff: People, role: str, method: str, path: str, mode: schemathesis.GenerationMode
) -> None:
    schema = schemathesis.openapi.from_dict(document)
    headers = {"Authorization": f"Bearer {staff.token('fuzzer', 'anything', role)}"}

    @given(case=schema[path][method.upper()].as_strategy(generation_mode=mode))
    @settings(
        max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck), database=None,
        derandomize=not LONG,
    )  # fmt: skip
    def every(case: Any) -> None:
        case.call_and_validate(base_url=staff.url, headers=headers, checks=CHECKS)

    every()
