"""W3C trace contexts that travel with a decision, and the spans of its stages (request → relay → attest → commit)."""

from __future__ import annotations

import re
from collections.abc import Iterable

from opentelemetry import trace
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags

_TRACEPARENT = re.compile(r"(?!ff)[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(?:-.*)?")
_MAX_TRACEPARENT = 200


def parse_traceparent(text: str | None) -> SpanContext | None:
    """The remote span that a W3C `traceparent` names; None for none, or a malformed one (ignored)."""
    found = _TRACEPARENT.fullmatch(text) if text and len(text) <= _MAX_TRACEPARENT else None
    if found is None:
        return None
    trace_id, span_id, flags = (int(part, 16) for part in found.groups())
    context = SpanContext(trace_id, span_id, is_remote=True, trace_flags=TraceFlags(flags))
    return context if context.is_valid else None


def stage(name: str, traceparents: Iterable[str], began_ns: int, **attributes: str | int) -> None:
    """Record a stage that has just ended, once under each sampled trace; `began_ns` is Unix time."""
    tracer = None
    # The commands of a batch came with one request: its trace has the stage once.
    for text in dict.fromkeys(traceparents):
        remote = parse_traceparent(text)
        if remote is None or not remote.trace_flags.sampled:
            continue
        tracer = tracer or trace.get_tracer("cartulary")
        context = trace.set_span_in_context(NonRecordingSpan(remote))
        tracer.start_span(name, context, attributes=attributes, start_time=began_ns).end()
