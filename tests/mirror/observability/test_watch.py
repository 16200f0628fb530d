from __future__ import annotations

import asyncio
import json
import sys

import pytest
import strawberry

from observability.counts import Counts
from observability.health import Check
from observability.objectives import ObjectivesInvalid, load
from observability.slo import State
from observability.watch import Watch
from tests.promises import Mutation, Queries

pytestmark = pytest.mark.anyio


@strawberry.type
class Query(Queries):
    @strawberry.field
    def viewer(self) -> str:
        return "me"


def schema() -> strawberry.Schema:
    return strawberry.Schema(Query, Mutation)


def serve(watch: Watch, kind: str, field: str, tenant: str, error: BaseException | None) -> None:
    with watch.operations.operation(tenant) as operation:
        operation.named(kind, (field,))
        operation.errors = [error] if error else None


async def test_what_was_served_is_what_slo_status_tells() -> None:
    now = [0.0]
    watch = Watch(version="1", counts=Counts(lambda: now[0]))
    assert "Mutation.valueDcf" in watch.attach(schema()._schema)
    for number in range(1_000):
        serve(watch, "mutation", "valueDcf", "a", KeyError() if number < 2 else None)
    serve(watch, "query", "viewer", "b", None)
    now[0] = 60.0

    up, fast, dcf, *others = watch.slo_status()
    assert (up.live.good, up.live.valid) == (999, 1001)
    assert up.standing.state is State.BREACHED
    assert float(up.standing.burn_rate or 0) == pytest.approx(2 / 1001 / 0.001)
    assert up.standing.exhausted_in_s == 0.0
    assert (fast.live.valid, dcf.live.valid) == (999, 998)
    assert up.covered_s == 60.0
    assert {status.live.valid for status in others} == {0}
    assert [status.live.valid for status in watch.slo_status("b")][:3] == [1, 1, 0]
    assert watch.slo_status("b")[2].standing.state is State.NO_DATA


def test_before_anything_was_served_nothing_is_claimed() -> None:
    report = json.loads(json.dumps(Watch(version="1").slo_report()))
    assert report["countedIn"] == "process"
    assert report["countedSince"] <= report["asOf"]
    names = [objective["name"] for objective in report["objectives"]]
    assert names == [objective.name for objective in load()]
    assert names[:3] == ["api-availability", "api-latency", "value-dcf-fast"]
    for objective in report["objectives"]:
        assert objective["state"] == "NO_DATA"
        assert objective["compliance"] is objective["burnRate"] is objective["exhaustedInS"] is None
        assert objective["budget"]["remaining"] is None
    assert report["objectives"][0]["target"] == 0.999
    assert report["objectives"][1]["withinS"] == 0.2


def test_a_schema_without_a_promised_field_does_not_start() -> None:
    with pytest.raises(ObjectivesInvalid, match="value-dcf-fast"):
        Watch(version="1").attach(strawberry.Schema(Query)._schema)


async def test_two_applications_on_one_schema_do_not_mix() -> None:
    on = schema()
    one, other = Watch(version="1"), Watch(version="2")
    one.attach(on._schema)
    other.attach(on._schema)
    with one.operations.operation("t") as operation:
        operation.named("query", ("viewer",))
        await on.execute("{ viewer }")
    assert one.slo_status()[0].live.valid == 1
    assert other.slo_status()[0].live.valid == 0
    assert b'field="Query.viewer"' in one.metrics()[0]
    assert b"Query.viewer" not in other.metrics()[0]


async def test_no_tenant_is_ever_a_label() -> None:
    watch = Watch(version="1")
    watch.attach(schema()._schema)
    serve(watch, "query", "viewer", "0199-tenant", None)
    assert b"0199-tenant" not in watch.metrics()[0]
    assert "0199-tenant" not in json.dumps(watch.slo_report())


async def test_it_starts_watches_and_stops() -> None:
    async def fine() -> None:
        return None

    watch = Watch(version="1", checks=[Check(name="database", probe=fine)])
    await watch.start()
    await watch.start()
    await asyncio.sleep(0)
    assert (await watch.health.ready())[0] == 200
    names = [check.name for check in (await watch.health.report()).checks]
    assert names == ["database", "memory", "disk"]
    assert watch.system_report()["process"]["openFiles"] > 0
    await watch.stop()
    await watch.stop()
    assert (await watch.health.ready())[0] == 503
    assert not [task for task in asyncio.all_tasks() if task.get_name() == "beat"]
    assert watch.beat.lag_s() == 0.0


def test_the_build_says_what_runs() -> None:
    body, _ = Watch(version="1.2.3", engine_version="9").metrics()
    python = ".".join(map(str, sys.version_info[:3]))
    assert f'valor_build_info{{engine="9",python="{python}",version="1.2.3"}} 1.0' in body.decode()
