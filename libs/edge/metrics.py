"""Prometheus metrics: requests by route template, components, and the text that `/metrics` gives."""

from __future__ import annotations

from prometheus_client import REGISTRY, Counter, Gauge, Histogram
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

REQUESTS = Counter("cartulary_http_requests", "Requests answered.", ["service", "method", "route", "status"])
SECONDS = Histogram(
    "cartulary_http_request_seconds",
    "Time from a request to its answer, the wait for the commit included.",
    ["service", "method", "route"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 3, 5, 10, 20, 60),
)
IN_FLIGHT = Gauge("cartulary_http_requests_in_flight", "Requests being answered.", ["service"])
LIMITED = Counter(
    "cartulary_http_requests_limited", "Requests refused for their rate, by the policy.", ["service", "policy"]
)
RESTARTS = Counter("cartulary_component_restarts", "Restarts of a component after it failed.", ["component"])
RUNNING = Gauge(
    "cartulary_component_running", "Whether a component runs (1) or waits to be restarted (0).", ["component"]
)

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


def method_label(method: str) -> str:
    """The method, or `other`: a caller must not be able to make labels up."""
    return method if method in _METHODS else "other"


def exposition() -> tuple[bytes, str]:
    """Everything in the registry of this process, and its content type."""
    return generate_latest(REGISTRY), CONTENT_TYPE_LATEST
