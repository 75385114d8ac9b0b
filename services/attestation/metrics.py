"""What Prometheus sees of attestation."""

from __future__ import annotations

from functools import cache

from prometheus_client import REGISTRY, CollectorRegistry, Counter, Gauge, Histogram

_EVENTS = (1, 10, 50, 100, 250, 500, 1_000, 2_000, 4_096)
_SECONDS = (0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0)


class Metrics:
    """The service's metrics in a registry of its own, so that several may live in one process."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        self.registry = registry or CollectorRegistry()
        name, lane, kept = "cartulary_attestation_", ["lane"], self.registry
        self.batch_events = Histogram(f"{name}batch_events", "events of a batch", lane, buckets=_EVENTS, registry=kept)
        self.batch_bytes = Histogram(
            f"{name}batch_bytes",
            "bytes of a batch's calldata",
            lane,
            buckets=(1e3, 1e4, 1e5, 4e5, 1e6),
            registry=kept,
        )
        self.batch_age_s = Histogram(
            f"{name}batch_age_seconds",
            "age of a batch's oldest run when sent",
            lane,
            buckets=_SECONDS,
            registry=kept,
        )
        self.confirm_s = Histogram(
            f"{name}confirm_seconds",
            "from read off the bus to published",
            lane,
            buckets=_SECONDS,
            registry=kept,
        )
        self.in_flight = Gauge(f"{name}in_flight", "batches sent and not settled", lane, registry=kept)
        self.waiting = Gauge(f"{name}waiting_events", "events read and not in a batch", lane, registry=kept)
        self.blocks_behind = Gauge(
            f"{name}blocks_behind", "blocks since the oldest batch in flight", lane, registry=kept
        )
        self.gas = Counter(f"{name}gas_limit", "gas limits of mined batches", lane, registry=kept)
        self.events = Counter(f"{name}events", "events attested and published", lane, registry=kept)
        self.offered_again = Counter(f"{name}offered_again", "batches offered again", lane, registry=kept)
        self.rebuilt = Counter(f"{name}rebuilt", "times a lane was read again from the contract", lane, registry=kept)
        self.set_aside = Counter(f"{name}set_aside", "runs set aside", ["lane", "why"], registry=kept)
        self.gaps = Counter(f"{name}gaps_reported", "gap reports", lane, registry=kept)


@cache
def of_this_process() -> Metrics:
    """The metrics that `/metrics` of this process shows."""
    return Metrics(REGISTRY)
