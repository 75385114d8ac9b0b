"""Traces: W3C traceparent in and out, spans, and where they go (console, OTLP/HTTP, nowhere)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from opentelemetry import trace
from opentelemetry.trace import Link, NonRecordingSpan, Span, SpanContext, SpanKind, StatusCode

from libs.edge.masking import is_sensitive, masked
from libs.edge.settings import Settings
from libs.observe.spans import parse_traceparent


def configure_telemetry(service: str, settings: Settings) -> Callable[[], None]:
    """Install the process's tracer provider; the answer flushes and ends it."""
    # The exporters cost time and memory that only a process with traces should pay. Ids exist without them.
    from opentelemetry.sdk.resources import Resource  # noqa: PLC0415
    from opentelemetry.sdk.trace import TracerProvider, export  # noqa: PLC0415

    names = {
        "service.name": service,
        "service.instance.id": settings.instance,
        "service.namespace": "cartulary",
    }
    provider = TracerProvider(resource=Resource(names), shutdown_on_exit=False)
    match settings.traces:
        case "console":
            provider.add_span_processor(export.SimpleSpanProcessor(export.ConsoleSpanExporter()))
        case "otlp":
            from opentelemetry.exporter.otlp.proto.http import trace_exporter  # noqa: PLC0415

            exporter = trace_exporter.OTLPSpanExporter(endpoint=settings.otlp_endpoint)
            provider.add_span_processor(export.BatchSpanProcessor(exporter))
        case "none":
            pass
    trace.set_tracer_provider(provider)
    return provider.shutdown


def traceparent_of(context: SpanContext) -> str | None:
    """The W3C `traceparent` of a span; None for an invalid one."""
    if not context.is_valid:
        return None
    return f"00-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags:02x}"


def current_traceparent() -> str | None:
    """The W3C `traceparent` of the present span, to travel with a decision; None outside of any."""
    return traceparent_of(trace.get_current_span().get_span_context())


def current_trace_id() -> str | None:
    """The present trace's id, 32 hex digits; None outside of any."""
    context = trace.get_current_span().get_span_context()
    return f"{context.trace_id:032x}" if context.is_valid else None


@contextmanager
def span(
    name: str,
    *,
    parent: str | None = None,
    links: Sequence[str] = (),
    kind: SpanKind = SpanKind.INTERNAL,
    **attributes: Any,
) -> Iterator[Span]:
    """A span around the block: under `parent` or the present span, linked to others (a batch to its parts).

    Attributes are masked as logs are. An error marks the span by its kind only: messages may quote data.
    """
    remote = parse_traceparent(parent)
    context = trace.set_span_in_context(NonRecordingSpan(remote)) if remote else None
    linked = [Link(other) for text in links if (other := parse_traceparent(text))]
    shown = {key: masked(value) for key, value in attributes.items() if not is_sensitive(key)}
    with trace.get_tracer("cartulary").start_as_current_span(
        name, context, kind, shown, linked, record_exception=False, set_status_on_exception=False
    ) as current:
        try:
            yield current
        except BaseException as error:
            current.set_status(StatusCode.ERROR, type(error).__name__)
            raise
