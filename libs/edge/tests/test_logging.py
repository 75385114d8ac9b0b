"""Logs and traces: JSON lines with time, service and trace; no secret and no personal data in them."""

import io
import json
import logging
from typing import Any

import pytest
import structlog
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from libs.edge.logging import configure_logging
from libs.edge.telemetry import current_traceparent, span
from libs.edge.tests.sample import ManualClock
from libs.kernel.errors import InvalidValue
from libs.observe.spans import parse_traceparent

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


class Lines:
    """What was logged."""

    def __init__(self) -> None:
        self.stream = io.StringIO()

    def all(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.stream.getvalue().splitlines()]

    def last(self) -> dict[str, Any]:
        return self.all()[-1]


@pytest.fixture
def lines() -> Lines:
    found = Lines()
    configure_logging("notes", "info", ManualClock().now, found.stream)
    return found


@pytest.fixture(scope="module")
def spans() -> InMemorySpanExporter:
    """The process's one provider, seen from inside."""
    exporter = InMemorySpanExporter()
    trace.set_tracer_provider(TracerProvider(shutdown_on_exit=False))
    provider = trace.get_tracer_provider()
    assert isinstance(provider, TracerProvider)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    return exporter


def test_a_log_line_is_json_with_time_service_and_level(lines: Lines) -> None:
    structlog.get_logger().info("batch_attested", age_ms=12)
    assert lines.last() == {
        "at": "2026-03-02T12:00:00.000000Z", "event": "batch_attested", "level": "info", "service": "notes",
        "age_ms": 12,
    }  # fmt: skip


def test_below_the_level_nothing_is_logged(lines: Lines) -> None:
    structlog.get_logger().debug("noise")
    assert lines.all() == []


@pytest.mark.parametrize(
    "fields",
    [
        {"password": "hunter2"},
        {"Authorization": "Bearer hunter2-hunter2"},
        {"postgres_dsn": "hunter2"},
        {"name": "hunter2"},
        {"request": {"headers": {"X-Token": "hunter2"}}},
        {"rows": [{"e-mail": "hunter2"}, {"holder": {"iban": "hunter2"}}]},
        {"address": "postgresql://root:hunter2@db:5432/x"},
        {"line": "sent Bearer hunter2hunter2 to it"},
        {"line": "eyJhbGciOiJFZERTQSJ9.hunter2.hunter2"},
        {"deep": {"a": {"b": {"c": {"d": {"e": {"f": {"g": "hunter2"}}}}}}}},
    ],
)
def test_inv06_secrets_and_personal_data_are_hidden(lines: Lines, fields: dict[str, Any]) -> None:
    structlog.get_logger().info("something_happened", **fields)
    assert lines.last()["event"] == "something_happened"
    assert "hunter2" not in lines.stream.getvalue()


def test_inv06_an_exception_is_logged_by_kind_and_place_not_by_the_data_in_its_message(lines: Lines) -> None:
    try:
        raise ValueError("holder Ann Smith is odd")
    except ValueError:
        structlog.get_logger().exception("import_failed")
    shown = lines.last()["exception"]
    assert shown["error"] == "ValueError"
    assert "test_logging.py" in shown["frames"][-1]
    assert "Ann" not in lines.stream.getvalue()


def test_an_error_of_ours_is_logged_with_its_code_and_detail(lines: Lines) -> None:
    structlog.get_logger().warning("refused", exc_info=InvalidValue("a currency has three letters", value="EURO"))
    assert lines.last()["exception"]["error"] == "InvalidValue(invalid-value): a currency has three letters"


def test_what_libraries_log_is_an_event_too(lines: Lines) -> None:
    logging.getLogger("uvicorn.error").warning("Invalid HTTP request received from %s", "x://a:hunter2@b")
    found = lines.last()
    assert (found["event"], found["logger"], found["level"]) == ("library_logged", "uvicorn.error", "warning")
    assert "hunter2" not in lines.stream.getvalue()


def test_a_log_line_inside_a_span_carries_its_trace(lines: Lines, spans: InMemorySpanExporter) -> None:
    with span("decide", parent=PARENT):
        structlog.get_logger().info("decided")
    assert lines.last()["trace"] == "0af7651916cd43dd8448eb211c80319c"


def test_a_span_goes_on_from_its_parent_and_names_what_it_gathers(spans: InMemorySpanExporter) -> None:
    spans.clear()
    other = PARENT.replace("0af7", "1bf7")
    with span("attest", parent=PARENT, links=[other, "nonsense"], lane=3, password="hunter2"):
        assert str(current_traceparent()).startswith(PARENT[:35])
    (done,) = spans.get_finished_spans()
    assert done.parent is not None
    assert f"{done.parent.span_id:016x}" == "b7ad6b7169203331"
    assert [f"{link.context.trace_id:032x}"[:4] for link in done.links] == ["1bf7"]
    assert dict(done.attributes or {}) == {"lane": 3}


def test_an_error_marks_its_span_by_kind_only(spans: InMemorySpanExporter) -> None:
    spans.clear()
    with pytest.raises(ValueError), span("commit"):
        raise ValueError("holder Ann Smith is odd")
    (done,) = spans.get_finished_spans()
    assert (done.status.is_ok, done.status.description, done.events) == (False, "ValueError", ())


@pytest.mark.parametrize(
    "text", [None, "", "x", PARENT[:-1], "ff" + PARENT[2:], PARENT.upper(), "00-" + "0" * 32 + PARENT[35:], "0" * 900]
)
def test_a_malformed_traceparent_is_ignored(text: str | None) -> None:
    assert parse_traceparent(text) is None
