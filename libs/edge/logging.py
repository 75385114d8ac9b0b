"""Logs: structlog events as JSON lines, with UTC time, service and trace; secrets and personal data never."""

from __future__ import annotations

import logging
import sys
import traceback
from collections.abc import Callable, MutableMapping
from datetime import datetime
from functools import partial
from types import TracebackType
from typing import Any, TextIO

import orjson
import structlog
from opentelemetry import trace

from libs.edge.masking import HIDDEN, is_sensitive, masked
from libs.kernel.errors import CartularyError
from libs.kernel.time import to_wire

_MAX_FRAMES = 30
_MAX_MESSAGE = 300
# Set by structlog and by ourselves, hence always shown; `name` of a person never is.
_OWN_KEYS = frozenset({"event", "level", "at", "service", "trace", "span", "exception"})

EventDict = MutableMapping[str, Any]
ExcInfo = tuple[type[BaseException], BaseException, TracebackType | None]


def configure_logging(service: str, level: str, now: Callable[[], datetime], stream: TextIO | None = None) -> None:
    """Send structlog's and the standard library's events as JSON lines to `stream` (standard error)."""
    out = stream or sys.stderr
    number = getattr(logging, level.upper())
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        partial(_place, service, now),
        _exception,
        mask,
    ]
    structlog.configure(
        processors=[*shared, _render],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.PrintLoggerFactory(out),
        cache_logger_on_first_use=False,
    )
    handler = _LibraryHandler(level=max(number, logging.INFO))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(max(number, logging.INFO))


def mask(logger: Any, method: str, event: EventDict) -> EventDict:
    """structlog processor: hides what is sensitive by its key, and credentials inside text."""
    for key, value in event.items():
        if key in _OWN_KEYS:
            continue
        event[key] = HIDDEN if is_sensitive(key) else masked(value)
    return event


def described(error: BaseException) -> str:
    """An error for the log, without the values that it may carry: kind, and where it is ours its detail."""
    name = type(error).__qualname__
    if isinstance(error, CartularyError):
        return f"{name}({error.code}): {masked(error.detail)[:_MAX_MESSAGE]}"
    # The messages of others (a database, a validator) quote the data that they stumbled over.
    code = getattr(error, "sqlstate", None) or getattr(error, "errno", None)
    return f"{name}({code})" if code else name


def _place(service: str, now: Callable[[], datetime], logger: Any, method: str, event: EventDict) -> EventDict:
    event["at"] = to_wire(now())
    event.setdefault("service", service)
    context = trace.get_current_span().get_span_context()
    if context.is_valid:
        event["trace"] = f"{context.trace_id:032x}"
        event["span"] = f"{context.span_id:016x}"
    return event


def _exception(logger: Any, method: str, event: EventDict) -> EventDict:
    given = event.pop("exc_info", None)
    error = given if isinstance(given, BaseException) else None
    if given is True:
        error = sys.exc_info()[1]
    elif isinstance(given, tuple):
        error = given[1]
    if error is not None:
        frames = traceback.extract_tb(error.__traceback__)[-_MAX_FRAMES:]
        event["exception"] = {
            "error": described(error),
            "frames": [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames],
        }
        cause = error.__cause__ or error.__context__
        if cause is not None:
            event["exception"]["cause"] = described(cause)
    return event


def _render(logger: Any, method: str, event: EventDict) -> str:
    return orjson.dumps(event, default=str, option=orjson.OPT_NON_STR_KEYS).decode()


class _LibraryHandler(logging.Handler):
    """Records of libraries become one event of ours, so that every line is JSON."""

    def emit(self, record: logging.LogRecord) -> None:
        log = structlog.get_logger()
        message = record.getMessage()[:_MAX_MESSAGE]
        log.log(record.levelno, "library_logged", logger=record.name, message=message, exc_info=record.exc_info)
