"""One trace joins the request, the relay, the attestation and the commit, over Kafka and the ledger."""

from __future__ import annotations

from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from libs.observe.spans import parse_traceparent, stage

SAMPLED = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
UNSAMPLED = SAMPLED[:-2] + "00"


def test_a_stage_is_a_span_under_each_sampled_trace_and_no_other() -> None:
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    tracer, trace.get_tracer = trace.get_tracer, lambda *_, **__: provider.get_tracer("test")
    try:
        stage("commit", [SAMPLED, UNSAMPLED, "nonsense"], 1_000_000_000, service="funds")
    finally:
        trace.get_tracer = tracer
    (span,) = exporter.get_finished_spans()
    remote = parse_traceparent(SAMPLED)
    assert remote is not None
    assert span.parent is not None
    assert (span.context.trace_id, span.parent.span_id) == (remote.trace_id, remote.span_id)
    assert span.name == "commit"
    assert span.attributes == {"service": "funds"}
    assert span.start_time == 1_000_000_000
