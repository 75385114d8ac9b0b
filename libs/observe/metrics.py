"""Prometheus metrics of a service's path."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

_SECONDS = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10)
_COMMANDS = (1, 2, 5, 10, 20, 50, 100, 256)

DECIDED = Counter("cartulary_commands_decided", "Commands by what became of them.", ["service", "outcome"])
GROUP = Histogram("cartulary_decide_group_commands", "Commands of one transaction.", ["service"], buckets=_COMMANDS)

RELAYED = Counter("cartulary_decisions_relayed", "Decisions published as intents.", ["service", "lane"])
RELAYED_AGAIN = Counter("cartulary_runs_relayed_again", "Runs published again, by reason (W-8).", ["service", "why"])
BACKLOG = Gauge("cartulary_backlog_decisions", "Decisions that wait for the ledger.", ["service"])
COMMITTED = Counter("cartulary_events_committed", "Events committed.", ["service"])
COMMIT_S = Histogram("cartulary_commit_seconds", "Time of a commit transaction.", ["service"], buckets=_SECONDS)
COMMIT_LAG_S = Gauge("cartulary_commit_lag_seconds", "Block time of the last batch to its commit.", ["service"])
SET_ASIDE = Counter("cartulary_log_records_set_aside", "Records of the log that no ledger node confirms.", ["lane"])
