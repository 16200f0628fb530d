"""What operators read: counters that move by exactly what was asked, and answers that agree."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

from api import VERSION
from engine.provenance import ENGINE_VERSION
from observability.objectives import load
from services.principal import Role
from tests.dcf_documents import firm
from tests.served import OURS, THEIRS, Caller, Served, in_time, served

VALUE: Final = "mutation ($input: DcfInput!) { valueDcf(input: $input) { __typename } }"
OPENMETRICS: Final = "application/openmetrics-text;version=1.0.0"
Sample = tuple[str, frozenset[tuple[str, str]]]


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server that nobody else asks, so that its counts are of this file alone."""
    with served(tmp_path_factory.mktemp("served")) as server:
        yield server


@pytest.fixture
def caller(own: Served) -> Iterator[Caller]:
    with own.caller() as caller:
        yield caller


def counters(caller: Caller) -> dict[Sample, float]:
    """Every sample that Prometheus would read, by its name and labels."""
    response = caller.http.get("/metrics")
    assert response.status_code == 200
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in parse_text(response.text)
        for sample in family.samples
    }


def moved(before: dict[Sample, float], after: dict[Sample, float], name: str) -> dict[Any, float]:
    """By how much each sample of a name has moved, by its labels' values."""
    return {
        tuple(value for _, value in sorted(labels)): number - before.get((sample, labels), 0.0)
        for (sample, labels), number in after.items()
        if sample == name and number != before.get((sample, labels), 0.0)
    }


def test_prometheus_can_read_the_metrics(caller: Caller) -> None:
    response = caller.http.get("/metrics")
    assert response.headers["content-type"].startswith("text/plain")
    families = {family.name: family for family in parse_text(response.text)}
    assert {
        "valor_build_info",
        "valor_event_loop_lag_seconds",
        "valor_http_requests",
        "valor_operations",
        "valor_slo_good",
        "valor_slo_valid",
        "process_resident_memory_bytes",
    } <= set(families)
    assert all(family.documentation for name, family in families.items() if "valor" in name)
    (build,) = families["valor_build_info"].samples
    assert (build.labels["version"], build.labels["engine"]) == (VERSION, ENGINE_VERSION)


def test_who_reads_openmetrics_gets_it(caller: Caller) -> None:
    response = caller.http.get("/metrics", headers={"accept": OPENMETRICS})
    assert response.headers["content-type"].startswith("application/openmetrics-text")
    assert response.text.endswith("# EOF\n")
    assert {"valor_http_requests", "valor_operations"} <= {
        family.name for family in parse_openmetrics(response.text)
    }


def test_counters_move_by_exactly_what_was_asked(caller: Caller) -> None:
    before = counters(caller)
    for _ in range(3):
        caller.data(VALUE, {"input": firm()})
    caller.ask(VALUE, {"input": firm(**{"shares.diluted": 0.0})})
    for _ in range(2):
        caller.data("{ viewer { role } }")
    caller.ask("{ nope }")
    caller.ask("{ viewer { role } tenant { name } }")
    caller.ask("{ __schema { queryType { name } } }")
    caller.http.get("/health/live")
    caller.http.get("/nowhere")
    caller.http.put("/graphql")
    after = counters(caller)
    assert moved(before, after, "valor_http_requests_total") == {
        ("POST", "/graphql", "2xx"): 9,
        ("PUT", "/graphql", "4xx"): 1,
        ("GET", "/health/live", "2xx"): 1,
        ("GET", "/metrics", "2xx"): 1,  # the one before; this one is under way
        ("GET", "other", "4xx"): 1,
    }
    assert moved(before, after, "valor_operations_total") == {
        ("Mutation.valueDcf", "good"): 3,
        ("Mutation.valueDcf", "excluded"): 1,
        ("Query.viewer", "good"): 2,
        ("Query (several)", "good"): 1,
        ("Query (introspection)", "excluded"): 1,
        ("unknown", "excluded"): 1,
    }
    assert moved(before, after, "valor_valuations_total") == {
        ("DCF", "good"): 3,
        ("DCF", "excluded"): 1,
    }
    assert moved(before, after, "valor_operation_duration_seconds_count") == {
        ("Mutation.valueDcf",): 4,
        ("Query.viewer",): 2,
        ("Query (several)",): 1,
        ("Query (introspection)",): 1,
        ("unknown",): 1,
    }
    assert moved(before, after, "valor_resolver_duration_seconds_count") == {
        ("Mutation.valueDcf",): 4,
        ("Query.viewer",): 3,
        ("Query.tenant",): 1,
    }
    # Three valuations and three queries kept the promise; what was refused is no event of it.
    assert moved(before, after, "valor_slo_valid_total")[("api-availability",)] == 6
    assert moved(before, after, "valor_slo_good_total")[("api-availability",)] == 6


def test_each_buckets_edge_is_there_and_the_last_holds_all(caller: Caller) -> None:
    caller.data("{ viewer { role } }")
    found = counters(caller)
    viewer = {
        dict(labels)["le"]: number
        for (name, labels), number in found.items()
        if name == "valor_operation_duration_seconds_bucket"
        and ("operation", "Query.viewer") in labels
    }
    assert {"0.2", "0.25"} <= set(viewer)  # the promised waits are edges
    ordered = [number for _, number in sorted(viewer.items(), key=lambda item: float(item[0]))]
    assert ordered == sorted(ordered)
    key = ("valor_operation_duration_seconds_count", frozenset({("operation", "Query.viewer")}))
    assert viewer["+Inf"] == found[key]


def test_no_label_is_what_a_caller_typed(caller: Caller) -> None:
    canary = "canary1234"
    caller.post(f"query {canary} {{ {canary}: viewer {{ role }} }}")
    caller.post(f'{{ company(ticker: "{canary}") {{ name }} }}')
    caller.http.get(f"/{canary}?{canary}={canary}")
    caller.http.request(canary.upper()[:6], "/graphql")
    caller.http.get("/metrics", headers={"x-request-id": canary})
    text = caller.http.get("/metrics").text
    assert canary not in text.lower()
    assert str(OURS) not in text
    assert OURS.hex not in text


# Health


def test_live_looks_at_the_event_loop_alone(caller: Caller) -> None:
    response = caller.http.get("/health/live")
    assert response.status_code == 200
    assert set(response.json()) == {"state", "eventLoopLagMs"}
    assert response.json()["state"] == "PASS"


def test_health_names_every_check_and_how_long_it_took(caller: Caller) -> None:
    body = in_time(caller.http, "/health").json()
    checks = {check["name"]: check for check in body["checks"]}
    assert {"database", "memory", "disk"} == set(checks)  # no Redis is set up here
    assert checks["database"]["critical"] is True
    assert checks["memory"]["critical"] is False
    assert all(check["latencyMs"] >= 0 for check in checks.values())
    assert body["draining"] is False


def test_health_in_the_schema_is_the_health_of_the_probe(caller: Caller) -> None:
    probe = caller.http.get("/health").json()
    told = caller.data(
        "{ health { state version draining checks { name state critical latencyMs detail } } }"
    )["health"]
    assert told["version"] == VERSION
    assert told["draining"] is probe["draining"] is False
    # How each stands may differ: they were looked at one after the other, on a busy machine.
    assert told["state"] in ("PASS", "WARN", "FAIL")
    same = ("name", "critical")
    assert [[check[name] for name in same] for check in told["checks"]] == [
        [check[name] for name in same] for check in probe["checks"]
    ]


@pytest.mark.parametrize(
    "path",
    ["/metrics", "/health", "/health/live", "/health/ready", "/slo/status", "/system/metrics"],
)
def test_a_probe_needs_no_token_is_not_cached_and_takes_no_other_method(
    own: Served, caller: Caller, path: str
) -> None:
    del caller.http.headers["authorization"]
    response = in_time(caller.http, path)
    assert response.headers["x-request-id"]
    if path != "/metrics":
        assert response.headers["cache-control"] == "no-store"
    assert caller.http.post(path).status_code == 405
    assert str(own.parts.settings.keys) not in response.text


# Promises


def statuses(caller: Caller, scope: str = "PROCESS") -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = caller.data(
        f"""{{ sloStatus(scope: {scope}) {{ name sli operation target withinSeconds windowSeconds
        state good valid compliance burnRate exhaustedInSeconds
        budget {{ windowSeconds valid allowed spent remaining }} }} }}"""
    )["sloStatus"]
    return found


def test_the_probe_and_the_schema_tell_the_same_of_the_promises(caller: Caller) -> None:
    for _ in range(5):
        caller.data("{ viewer { role } }")
    told = statuses(caller)
    report = caller.http.get("/slo/status").json()
    assert report["countedIn"] == "process"
    assert len(told) == len(report["objectives"]) == len(load())
    for one, other in zip(told, report["objectives"], strict=True):
        # The question itself is counted when it ends: the probe has seen one event more.
        assert (one["name"], one["sli"], one["operation"]) == (
            other["name"],
            other["sli"],
            other["operation"],
        )
        assert (one["target"], one["windowSeconds"]) == (other["target"], other["windowS"])
        assert one["withinSeconds"] == other["withinS"]
        more = 0 if one["operation"] else 1
        assert other["valid"] - one["valid"] == more
        assert other["budget"]["valid"] - one["budget"]["valid"] == more


def test_a_promise_without_events_is_neither_kept_nor_broken(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    with served(tmp_path_factory.mktemp("quiet")) as quiet, quiet.caller() as caller:
        for status in caller.http.get("/slo/status").json()["objectives"]:
            assert (status["state"], status["good"], status["valid"]) == ("NO_DATA", 0, 0)
            assert (status["compliance"], status["burnRate"]) == (None, None)
            assert status["budget"]["remaining"] is None


def test_a_fault_of_ours_burns_the_budget_and_a_refusal_does_not(
    own: Served, caller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    def availability() -> dict[str, Any]:
        found: dict[str, Any] = caller.http.get("/slo/status").json()["objectives"][0]
        assert found["name"] == "api-availability"
        return found

    before = availability()
    caller.ask(VALUE, {"input": firm(**{"shares.diluted": 0.0})})
    assert availability()["valid"] == before["valid"]

    async def broken(*_: object) -> None:
        raise RuntimeError("broken on purpose")

    with monkeypatch.context() as patch:
        patch.setattr(type(own.parts.watch.health), "report", broken)
        answer = caller.ask("{ health { state } }")
    assert [error["extensions"]["code"] for error in answer["errors"]] == ["INTERNAL"]
    after = availability()
    assert after["valid"] == before["valid"] + 1
    assert after["good"] == before["good"]
    assert after["budget"]["spent"] == before["budget"]["spent"] + 1
    assert after["state"] == "BREACHED"


def test_a_tenant_may_ask_for_its_own_counts(own: Served) -> None:
    with own.caller(Role.OWNER, THEIRS) as stranger:
        assert statuses(stranger, "TENANT")[0]["valid"] == 0
        assert statuses(stranger, "TENANT")[0]["valid"] == 1  # the question before
        assert statuses(stranger)[0]["valid"] > 2


# The machine


def test_the_machine_is_told_in_bytes_seconds_and_shares(caller: Caller) -> None:
    told = caller.http.get("/system/metrics").json()
    assert set(told) == {"cpu", "memory", "disk", "network", "process"}
    assert told["cpu"]["cores"] >= 1
    assert 0 < told["memory"]["usedShare"] < 1
    assert 0 < told["disk"]["freeBytes"] <= told["disk"]["totalBytes"]
    assert told["process"]["residentBytes"] > 10_000_000
    assert re.fullmatch(r"\d+", str(told["process"]["pid"]))


def test_a_server_that_drains_is_not_ready_and_lives(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    with served(tmp_path_factory.mktemp("draining")) as server, server.caller() as caller:
        assert in_time(caller.http, "/health/ready").json()["draining"] is False
        server.parts.watch.health.drain()
        drained = caller.http.get("/health/ready")
        assert drained.status_code == 503
        assert drained.json() == {"state": "FAIL", "draining": True, "failing": []}
        assert caller.http.get("/health/live").status_code == 200
        assert caller.data("{ health { draining } }")["health"]["draining"] is True
        assert caller.data(VALUE, {"input": firm()})  # what comes is still answered
