"""OpenAPI says what the edge does, and the edge does what OpenAPI says (C7)."""

import os
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import checks as expected
from schemathesis.core.failures import FailureGroup

from libs.edge.issuer import LocalIssuer
from libs.edge.tests.sample import Sample

# Short and the same each time in `make test`; LONG=1 looks for new ones.
LONG = os.environ.get("LONG") == "1"
EXAMPLES = 500 if LONG else 25
CHECKS = [
    expected.not_a_server_error, expected.status_code_conformance, expected.content_type_conformance,
    expected.response_schema_conformance, expected.negative_data_rejection, expected.missing_required_header,
    expected.unsupported_method, expected.ignored_auth,
]  # fmt: skip


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sample]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CARTULARY_DEFAULT_WAIT_S", "0")
        for name in ("SUBJECT", "TENANT", "ADDRESS"):
            # What is tried here without a token that counts must be answered for that, however often.
            patch.setenv(f"CARTULARY_RATE_{name}_BURST", "1000000")
        yield Sample(tmp_path_factory.mktemp("home"))


OPERATIONS = [
    ("POST", "/notes"), ("GET", "/notes"), ("GET", "/notes/{note}"), ("GET", "/commands/{command}"),
    ("POST", "/changes"), ("GET", "/changes"), ("GET", "/changes/{change}"), ("POST", "/changes/{change}/approve"),
    ("POST", "/changes/{change}/reject"), ("POST", "/notes/batch"),
]  # fmt: skip


def test_every_operation_is_tried(running: Sample) -> None:
    paths = running.app.openapi()["paths"]
    found = {(method.upper(), path) for path, methods in paths.items() for method in methods}
    assert found - {("GET", "/notes/broken")} == set(OPERATIONS)


@pytest.mark.parametrize("mode", list(schemathesis.GenerationMode))
@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_c7_no_request_makes_a_5xx_and_every_answer_is_described(
    running: Sample, method: str, path: str, mode: schemathesis.GenerationMode
) -> None:
    schema = schemathesis.openapi.from_dict(running.app.openapi())
    schema.app = running.app
    headers = running.bearer()

    @given(case=schema[path][method].as_strategy(generation_mode=mode))
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        database=None,
        derandomize=not LONG,
    )
    def every(case: Any) -> None:
        case.call_and_validate(headers=headers, checks=CHECKS)

    every()


def test_the_net_would_catch_a_5xx(running: Sample) -> None:
    schema = schemathesis.openapi.from_dict(running.app.openapi())
    schema.app = running.app
    case = schema["/notes/broken"]["GET"].Case()
    with pytest.raises(FailureGroup):
        case.call_and_validate(headers=running.bearer(), checks=CHECKS)


def test_every_mutation_says_that_it_needs_an_idempotency_key_and_what_may_come_back(running: Sample) -> None:
    """Invariant 9."""
    operations = running.app.openapi()["paths"]["/notes"]
    headers = {parameter["name"]: parameter["required"] for parameter in operations["post"]["parameters"]}
    assert headers == {"Idempotency-Key": True, "Prefer": False}
    told = set(operations["post"]["responses"])
    assert {"200", "201", "202", "400", "401", "403", "409", "413", "422", "429", "503"} <= told
    assert operations["get"]["security"] == [{"token": []}]


def test_inv07_a_decimal_is_described_as_text_or_integer_never_a_float(running: Sample) -> None:
    amount = running.app.openapi()["components"]["schemas"]["NoteBody"]["properties"]["amount"]
    assert amount["anyOf"] == [{"type": "integer"}, {"type": "string", "format": "decimal"}]


def test_the_issuer_is_no_part_of_a_services_api(running: Sample) -> None:
    assert not any(LocalIssuer.__name__ in name for name in running.app.openapi()["components"]["schemas"])
