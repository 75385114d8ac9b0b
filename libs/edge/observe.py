"""What is seen of every request: a server span, counters by route template, a log of what failed."""

from __future__ import annotations

import asyncio
import time

import structlog
from opentelemetry.trace import SpanKind, StatusCode
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from libs.edge import metrics
from libs.edge.problems import internal_problem, problem_response
from libs.edge.telemetry import span

log = structlog.get_logger(__name__)

_UNMATCHED = "unmatched"


class Observed:
    """ASGI middleware, the outermost: spans, metrics, and a bare problem for an unexpected error."""

    def __init__(self, app: ASGIApp, service: str) -> None:
        self._app, self._service = app, service

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve the request under a span that goes on from the caller's `traceparent`."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        method = metrics.method_label(scope["method"])
        started, status = time.monotonic(), 0

        async def seen(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        parent = Headers(scope=scope).get("traceparent")
        with (
            span(method, parent=parent, kind=SpanKind.SERVER, service=self._service) as current,
            metrics.IN_FLIGHT.labels(self._service).track_inprogress(),
        ):
            try:
                await self._app(scope, receive, seen)
            except asyncio.CancelledError:
                raise
            except Exception as error:
                log.exception("request_failed", method=method, route=_template(scope))
                if status:
                    raise
                current.set_status(StatusCode.ERROR, type(error).__name__)
                await problem_response(internal_problem(), Request(scope))(scope, receive, seen)
            finally:
                route = _template(scope)
                metrics.REQUESTS.labels(self._service, method, route, str(status)).inc()
                metrics.SECONDS.labels(self._service, method, route).observe(time.monotonic() - started)
                current.update_name(f"{method} {route}")
                current.set_attribute("http.response.status_code", status)
                current.set_attribute("http.route", route)


def _template(scope: Scope) -> str:
    """The route's template, never the path itself: ids make no labels."""
    return str(getattr(scope.get("route"), "path", _UNMATCHED))
