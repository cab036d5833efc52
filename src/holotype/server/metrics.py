"""What a server counts about itself, for Prometheus. No label of a person is among it."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from holotype.records import Decision

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)


class Metrics:
    """Counts of one server."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "holotype_requests", "Answers", ("method", "route", "status"), registry=self._registry
        )
        self._seconds = Histogram(
            "holotype_request_seconds",
            "Time to an answer",
            ("route",),
            buckets=_SECONDS,
            registry=self._registry,
        )
        self._decisions = Counter(
            "holotype_decisions", "Decisions", ("call", "answer"), registry=self._registry
        )

    def watch(self, name: str, what: str, value: Callable[[], float]) -> None:
        """Show a number as it is when it is asked for."""
        Gauge(name, what, registry=self._registry).set_function(value)

    def note(self, method: str, route: str, status: int, took_s: float) -> None:
        """Count an answer."""
        known = method if method in ("GET", "POST", "PATCH", "DELETE", "HEAD") else "other"
        self._requests.labels(known, route or "none", str(status)).inc()
        self._seconds.labels(route or "none").observe(took_s)

    def decided(self, call: str, decisions: Iterable[Decision]) -> None:
        """Count what was answered to probes."""
        for decision in decisions:
            self._decisions.labels(call, decision.answer).inc()

    def text(self) -> bytes:
        """All of it, in Prometheus' text format."""
        return generate_latest(self._registry)
