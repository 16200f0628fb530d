"""What Prometheus reads: integers of ours, rendered when it asks.

A hot path increments a dictionary or a list (0.1 to 0.3 µs; a labelled child of the client
library costs ten times that); the library renders at a scrape, and is imported by the first
one. Every label value comes from the schema, the routes or a closed list, never from a caller.
"""

from __future__ import annotations

import platform
from bisect import bisect_left
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from observability.outcomes import Outcome

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry, Metric

    from observability.counts import Counts
    from observability.objectives import Objective

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
OTHER = "other"
# How a socket may end: codes of RFC 6455 and of graphql-transport-ws, and who was let go unasked.
CLOSES = frozenset(
    {"1000", "1001", "1005", "1006", "1009", "1012", "1013", "4400", "4401", "4403", "4406",
     "4408", "4409", "4429", "behind", "silent"}
)  # fmt: skip
# What became of a try to tell a webhook of something: dead is what is tried no more.
DELIVERIES = frozenset({"delivered", "failed", "dead", "gone"})
# What came of an event of the payment provider's; repeated: it was had before.
BILLED = frozenset(
    {"applied", "ignored", "out_of_date", "unknown", "repeated", "conflict", "not_signed",
     "not_understood", "not_taken"}
)  # fmt: skip
CREDENTIALS = frozenset({"token", "key", "password", "refresh", "invitation", "reset", "provider"})


class Histogram:
    """Durations by edge. Not locked: it belongs to the event loop."""

    __slots__ = ("_counts", "_edges_ns", "_sum_ns")

    def __init__(self, edges_ns: Sequence[int]) -> None:
        self._edges_ns = edges_ns
        self._counts = [0] * (len(edges_ns) + 1)
        self._sum_ns = 0

    def observe(self, duration_ns: int) -> None:
        """Count one duration; one that equals an edge is within it."""
        self._counts[bisect_left(self._edges_ns, duration_ns)] += 1
        self._sum_ns += duration_ns

    @property
    def count(self) -> int:
        """How many were observed."""
        return sum(self._counts)

    def buckets(self) -> tuple[list[tuple[str, float]], float]:
        """Cumulated (edge in seconds, count) with +Inf last, and the sum in seconds."""
        counts = tuple(self._counts)  # one instant: a scrape may run in another thread
        edges = [str(edge / 1e9) for edge in self._edges_ns] + ["+Inf"]
        cumulated: list[tuple[str, float]] = []
        seen = 0
        for edge, count in zip(edges, counts, strict=True):
            seen += count
            cumulated.append((edge, seen))
        return cumulated, self._sum_ns / 1e9


class Histograms(dict[str, Histogram]):
    """Histograms by name; one that is missing is made. A name must come from a closed set."""

    def __init__(self, edges_ns: Sequence[int]) -> None:
        super().__init__()
        self._edges_ns = edges_ns

    def __missing__(self, name: str) -> Histogram:
        made = self[name] = Histogram(self._edges_ns)
        return made


class Meter:
    """The counters of one application."""

    def __init__(
        self,
        *,
        edges_ns: Sequence[int],
        build: dict[str, str],
        routes: Collection[str] = (),
        kinds: Collection[str] = (),
        objectives: Sequence[Objective] = (),
        counts: Counts | None = None,
        loop_lag_s: Callable[[], float] = lambda: 0.0,
    ) -> None:
        """``build``: version and the like, one label each. ``routes``: the paths that are
        served. ``kinds``: the kinds of valuation. Whatever is in neither is called ``other``."""
        self.operation_seconds = Histograms(edges_ns)  # by coordinate
        self.resolver_seconds = Histograms(edges_ns)  # by coordinate
        self.valuation_seconds = Histograms(edges_ns)  # by kind
        self.in_flight = 0
        self.sockets = 0  # open now
        self.streams = 0  # event streams over HTTP, open now
        self.subscriptions = 0  # under way, over sockets and streams
        self.cluster_workers: int | None = None  # that compute runs; None: there is no cluster
        self.cluster_threads: int | None = None  # that they have together
        self.oldest_undelivered_s: Callable[[], float] = lambda: 0.0
        self._deliveries = {(outcome,): 0 for outcome in sorted(DELIVERIES)}
        self._billed = {(outcome,): 0 for outcome in sorted(BILLED)}
        self._closes: dict[tuple[str], int] = {}
        self._credentials = {(kind,): 0 for kind in sorted(CREDENTIALS)}
        self._operations: dict[tuple[str, Outcome], int] = {}
        self._requests: dict[tuple[str, str, str], int] = {}
        self._valuations: dict[tuple[str, str], int] = {}
        self._build = {"python": platform.python_version(), **build}
        self._routes = frozenset(routes)
        self._kinds = frozenset(kinds)
        self._objectives = tuple(objectives)
        self._counts = counts
        self._loop_lag_s = loop_lag_s
        self._registry: CollectorRegistry | None = None

    def operation(self, coordinate: str, outcome: Outcome, waited_ns: int) -> None:
        """One operation ended; ``coordinate`` is of the schema."""
        key = (coordinate, outcome)
        self._operations[key] = self._operations.get(key, 0) + 1
        self.operation_seconds[coordinate].observe(waited_ns)

    def request_began(self) -> None:
        """One HTTP request came in; ``request_ended`` must follow."""
        self.in_flight += 1

    def request_ended(self, route: str, method: str, status: int) -> None:
        """One HTTP request was answered with ``status``."""
        self.in_flight -= 1
        key = (
            route if route in self._routes else OTHER,
            method if method in METHODS else OTHER,
            f"{status // 100}xx" if 100 <= status < 600 else OTHER,
        )
        self._requests[key] = self._requests.get(key, 0) + 1

    def socket_closed(self, why: str) -> None:
        """One socket ended: by a close code, or by a word of ours."""
        self.sockets -= 1
        key = (why if why in CLOSES else OTHER,)
        self._closes[key] = self._closes.get(key, 0) + 1

    def refused_credential(self, kind: str) -> None:
        """One token, key, password or the like proved nothing."""
        key = (kind if kind in CREDENTIALS else OTHER,)
        self._credentials[key] = self._credentials.get(key, 0) + 1

    def delivery(self, outcome: str) -> None:
        """One try to tell a webhook of something ended."""
        key = (outcome if outcome in DELIVERIES else OTHER,)
        self._deliveries[key] = self._deliveries.get(key, 0) + 1

    def billed(self, outcome: str) -> None:
        """One event of the payment provider's was answered."""
        key = (outcome if outcome in BILLED else OTHER,)
        self._billed[key] = self._billed.get(key, 0) + 1

    def valued(self, kind: str, outcome: Outcome, duration_s: float) -> None:
        """One valuation was made, refused (excluded) or failed (bad)."""
        if kind not in self._kinds:
            kind = OTHER
        key = (kind, outcome.value)
        self._valuations[key] = self._valuations.get(key, 0) + 1
        self.valuation_seconds[kind].observe(int(duration_s * 1e9))

    def render(self, accept: str = "") -> tuple[bytes, str]:
        """(body, content type): OpenMetrics when ``accept`` asks for it, else Prometheus' text.

        Takes milliseconds, and the first one a tenth of a second for the import: call it in a
        thread.
        """
        # Imported here: it costs a tenth of a second that no request needs at start.
        from prometheus_client.exposition import choose_encoder

        if self._registry is None:
            self._registry = self._registered()
        encode, content_type = choose_encoder(accept)
        return encode(self._registry), content_type

    def _registered(self) -> CollectorRegistry:
        from prometheus_client import CollectorRegistry, GCCollector, ProcessCollector

        registry = CollectorRegistry(auto_describe=False)
        registry.register(_Families(self))
        ProcessCollector(registry=registry)
        GCCollector(registry=registry)
        return registry

    def collect(self) -> Iterator[Metric]:
        """Every family of ours, as it stands."""
        from prometheus_client.core import (
            CounterMetricFamily,
            GaugeMetricFamily,
            InfoMetricFamily,
        )

        yield InfoMetricFamily("valor_build", "What runs.", value=self._build)
        yield GaugeMetricFamily(
            "valor_event_loop_lag_seconds",
            "How late the event loop was at its last beat.",
            value=self._loop_lag_s(),
        )
        yield GaugeMetricFamily(
            "valor_http_requests_in_flight", "Requests being served.", value=self.in_flight
        )
        yield GaugeMetricFamily("valor_sockets_open", "WebSockets.", value=self.sockets)
        yield GaugeMetricFamily("valor_streams_open", "Event streams.", value=self.streams)
        yield GaugeMetricFamily(
            "valor_subscriptions_open", "Subscriptions under way.", value=self.subscriptions
        )
        if self.cluster_workers is not None and self.cluster_threads is not None:
            yield GaugeMetricFamily(
                "valor_cluster_workers",
                "Workers of the cluster; 0: it is lost, or would compute other numbers.",
                value=self.cluster_workers,
            )
            yield GaugeMetricFamily(
                "valor_cluster_threads", "Threads that they have.", value=self.cluster_threads
            )
        yield _counter(
            "valor_socket_closes",
            "WebSockets ended, by close code, or the reason that there was no code.",
            ("code",),
            list(self._closes.items()),
        )
        yield _counter(
            "valor_credentials_refused",
            "Tokens, keys, passwords and the like that proved nothing, by kind.",
            ("kind",),
            list(self._credentials.items()),
        )
        yield _counter(
            "valor_webhook_deliveries",
            "Tries to tell a webhook of something, by what became of them; dead: the last one.",
            ("outcome",),
            list(self._deliveries.items()),
        )
        yield GaugeMetricFamily(
            "valor_webhook_oldest_undelivered_seconds",
            "How long active webhooks have waited for what is the oldest; 0: for nothing.",
            value=self.oldest_undelivered_s(),
        )
        yield _counter(
            "valor_billing_events",
            "Events of the payment provider's, by what came of them.",
            ("outcome",),
            list(self._billed.items()),
        )
        yield _counter(
            "valor_http_requests",
            "HTTP requests answered.",
            ("route", "method", "status"),
            list(self._requests.items()),
        )
        yield _counter(
            "valor_operations",
            "GraphQL operations ended, by root field and outcome.",
            ("operation", "outcome"),
            [((name, o.value), n) for (name, o), n in list(self._operations.items())],
        )
        yield _counter(
            "valor_valuations",
            "Valuations, by kind and outcome.",
            ("kind", "outcome"),
            list(self._valuations.items()),
        )
        yield _histogram(
            "valor_operation_duration_seconds",
            "From the document to the last field, by root field.",
            "operation",
            self.operation_seconds,
        )
        yield _histogram(
            "valor_resolver_duration_seconds",
            "Resolvers that do work, by field.",
            "field",
            self.resolver_seconds,
        )
        yield _histogram(
            "valor_valuation_duration_seconds",
            "Valuations, by kind.",
            "kind",
            self.valuation_seconds,
        )
        if self._counts is not None:
            # Both are there from the start, at 0: a rate over a counter that appears with its
            # first event misses that event.
            good = CounterMetricFamily(
                "valor_slo_good", "Events that kept the promise.", labels=("objective",)
            )
            valid = CounterMetricFamily(
                "valor_slo_valid", "Events that the promise is about.", labels=("objective",)
            )
            for number, objective in enumerate(self._objectives):
                total = self._counts.total(number)
                good.add_metric((objective.name,), total.good)
                valid.add_metric((objective.name,), total.valid)
            yield good
            yield valid


class _Families:
    """What the client library wants to register; it names nothing before it is asked."""

    def __init__(self, meter: Meter) -> None:
        self._meter = meter

    def describe(self) -> Iterable[Metric]:
        return ()

    def collect(self) -> Iterable[Metric]:
        return self._meter.collect()


def _counter(
    name: str, text: str, labels: Sequence[str], counted: Iterable[tuple[tuple[str, ...], int]]
) -> Metric:
    from prometheus_client.core import CounterMetricFamily

    family = CounterMetricFamily(name, text, labels=labels)
    for values, count in counted:
        family.add_metric(values, count)
    return family


def _histogram(name: str, text: str, label: str, held: Histograms) -> Metric:
    from prometheus_client.core import HistogramMetricFamily

    family = HistogramMetricFamily(name, text, labels=(label,))
    for value, histogram in list(held.items()):
        buckets, sum_s = histogram.buckets()
        family.add_metric((value,), buckets, sum_s)
    return family
