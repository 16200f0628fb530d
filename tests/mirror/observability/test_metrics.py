from __future__ import annotations

import subprocess
import sys
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.openmetrics.parser import (
    text_string_to_metric_families as parse_openmetrics,
)
from prometheus_client.parser import text_string_to_metric_families as parse_text

from observability.counts import Counts, mark
from observability.metrics import Histogram, Meter
from observability.objectives import Objective, Sli, edges_ns, load
from observability.outcomes import Outcome

UP = Objective(name="up", sli=Sli.AVAILABILITY, target=Fraction(1, 2), window_s=60)


def meter(counts: Counts | None = None) -> Meter:
    return Meter(
        edges_ns=edges_ns(load()),
        build={"version": "1.2.3", "engine": "7"},
        routes=("/graphql", "/metrics"),
        kinds=("DCF", "LBO"),
        objectives=(UP,),
        counts=counts,
        loop_lag_s=lambda: 0.25,
    )


def samples(of: Meter) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    body, _ = of.render()
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in parse_text(body.decode())
        for sample in family.samples
    }


def value(of: Meter, name: str, **labels: str) -> float | None:
    return samples(of).get((name, frozenset(labels.items())))


def test_what_was_counted_is_what_prometheus_reads() -> None:
    counts = Counts()
    counts.add(mark(1, 1))
    counts.add(mark(1, 0))
    told = meter(counts)
    told.operation("Mutation.valueDcf", Outcome.GOOD, 250_000_000)
    told.operation("Mutation.valueDcf", Outcome.BAD, 251_000_000)
    told.request_began()
    told.request_began()
    told.request_ended("/graphql", "POST", 200)
    told.valued("DCF", Outcome.GOOD, 0.0001)

    name = "Mutation.valueDcf"
    assert value(told, "valor_operations_total", operation=name, outcome="good") == 1
    assert value(told, "valor_operations_total", operation=name, outcome="bad") == 1
    seconds = "valor_operation_duration_seconds"
    assert value(told, seconds + "_bucket", operation=name, le="0.2") == 0
    assert value(told, seconds + "_bucket", operation=name, le="0.25") == 1
    assert value(told, seconds + "_bucket", operation=name, le="+Inf") == 2
    assert value(told, seconds + "_sum", operation=name) == pytest.approx(0.501)
    requests = {"route": "/graphql", "method": "POST", "status": "2xx"}
    assert value(told, "valor_http_requests_total", **requests) == 1
    assert value(told, "valor_http_requests_in_flight") == 1
    assert value(told, "valor_valuations_total", kind="DCF", outcome="good") == 1
    assert value(told, "valor_event_loop_lag_seconds") == 0.25
    assert value(told, "valor_slo_good_total", objective="up") == 1
    assert value(told, "valor_slo_valid_total", objective="up") == 2
    assert any(key[0] == "process_resident_memory_bytes" for key in samples(told))
    (build,) = [dict(labels) for series, labels in samples(told) if series == "valor_build_info"]
    assert (build["version"], build["engine"]) == ("1.2.3", "7")


def test_good_and_valid_of_every_promise_are_there_before_the_first_event() -> None:
    told = meter(Counts())
    assert value(told, "valor_slo_good_total", objective="up") == 0
    assert value(told, "valor_slo_valid_total", objective="up") == 0


def test_a_scraper_that_asks_for_openmetrics_gets_it() -> None:
    told = meter(Counts())
    told.operation("Query.viewer", Outcome.GOOD, 1)
    told.resolver_seconds["Query.viewer"].observe(10**12)
    body, content_type = told.render("application/openmetrics-text; version=1.0.0")
    assert content_type.startswith("application/openmetrics-text; version=1.0.0")
    families = {family.name for family in parse_openmetrics(body.decode())}
    assert {"valor_operations", "valor_resolver_duration_seconds", "valor_build"} <= families
    assert told.render("text/html")[1].startswith("text/plain")


@given(
    st.lists(st.tuples(st.text(), st.text(), st.integers(-(10**6), 10**6), st.text()), max_size=200)
)
def test_no_caller_can_make_a_new_label(typed: list[tuple[str, str, int, str]]) -> None:
    told = meter()
    for path, method, status, kind in typed:
        told.request_began()
        told.request_ended(path, method, status)
        told.valued(kind, Outcome.GOOD, 0.0)
    # 3 routes x 8 methods x 6 classes, 3 kinds x 4 outcomes: all there can ever be
    assert {route for route, _, _ in told._requests} <= {"/graphql", "/metrics", "other"}
    assert len({method for _, method, _ in told._requests}) <= 8
    assert len({status for _, _, status in told._requests}) <= 6
    assert set(told.valuation_seconds) <= {"DCF", "LBO", "other"}
    assert told.in_flight == 0


@given(st.lists(st.integers(0, 20_000_000_000), max_size=50), st.sampled_from(edges_ns(load())))
def test_a_bucket_holds_exactly_what_was_within_its_edge(took: list[int], edge: int) -> None:
    histogram = Histogram(edges_ns(load()))
    for duration_ns in took:
        histogram.observe(duration_ns)
    buckets, sum_s = histogram.buckets()
    assert dict(buckets)[str(edge / 1e9)] == sum(1 for duration in took if duration <= edge)
    assert buckets[-1] == ("+Inf", len(took))
    assert sum_s == sum(took) / 1e9


def test_two_applications_in_one_process_do_not_mix() -> None:
    one, other = meter(), meter()
    one.operation("Query.viewer", Outcome.GOOD, 1)
    assert value(one, "valor_operations_total", operation="Query.viewer", outcome="good") == 1
    assert value(other, "valor_operations_total", operation="Query.viewer", outcome="good") is None


def test_building_everything_imports_nothing_that_only_watching_needs() -> None:
    heavy = "prometheus_client", "opentelemetry", "structlog", "psutil"
    program = (
        "import sys; from observability.watch import Watch; Watch(version='1');"
        f"print([name for name in {heavy!r} if name in sys.modules])"
    )
    told = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert told.stdout.strip() == "[]", told.stderr
