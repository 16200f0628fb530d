"""The dashboard asks for what the server shows, and promises what the catalogue promises."""

from __future__ import annotations

import json
import re

import httpx
import yaml

from observability.objectives import load
from tests.live_server import LiveServer
from tests.pages import EXAMPLES, ROOT, text_of
from tests.served import NO_TLS

DASHBOARDS = ROOT / "deploy" / "grafana" / "provisioning" / "dashboards"


def expressions() -> list[str]:
    return [
        target["expr"]
        for board in sorted(DASHBOARDS.glob("*.json"))
        for panel in json.loads(text_of(board))["panels"]
        for target in panel["targets"]
    ]


def test_every_metric_and_label_of_the_dashboard_is_one_that_the_server_shows(
    live_server: LiveServer,
) -> None:
    httpx.post(
        live_server.graphql,
        content=(EXAMPLES / "value_apple_request.json").read_bytes(),
        headers={
            "authorization": f"Bearer {live_server.token}",
            "content-type": "application/json",
        },
        timeout=60.0,
        verify=NO_TLS,
    ).raise_for_status()
    shown: dict[str, set[str]] = {}
    metrics = httpx.get(f"{live_server.origin}/metrics", timeout=60.0, verify=NO_TLS).text
    for line in metrics.splitlines():
        sample = re.match(r"([a-z_]+)(?:\{(.*)\})? ", line)
        if sample:
            labels = shown.setdefault(sample[1], set())
            labels |= set(re.findall(r'(\w+)="', sample[2] or ""))
    asked = expressions()
    assert len(asked) > 10
    for expression in asked:
        for metric, selector in re.findall(
            r"((?:valor|process|python)_\w+)(\{[^}]*\})?", expression
        ):
            assert metric in shown, metric
            by = re.findall(r"by \(([\w, ]+)\)", expression)
            labels = set(re.findall(r"(\w+)=", selector)) | set(", ".join(by).split(", ")) - {""}
            # Prometheus adds these two itself.
            assert labels - shown[metric] - {"job", "instance"} == set(), expression


def test_the_dashboard_knows_every_promise_with_its_target() -> None:
    budgets = [expression for expression in expressions() if "[30d]" in expression]
    told = {
        (name, target)
        for expression in budgets
        for name in set(re.findall(r'objective="([\w-]+)"', expression))
        for target in re.findall(r"/ \(1 - ([\d.]+)\)$", expression)
    }
    assert told == {(each.name, f"{float(each.target):g}") for each in load()}


def test_grafana_finds_the_dashboard_where_compose_puts_it() -> None:
    (provider,) = yaml.safe_load(text_of(DASHBOARDS / "valor.yml"))["providers"]
    mounted = "./deploy/grafana/provisioning:/etc/grafana/provisioning:ro"
    volumes = yaml.safe_load(text_of(ROOT / "docker-compose.yml"))["services"]["grafana"]["volumes"]
    assert mounted in volumes
    assert provider["options"]["path"] == "/etc/grafana/provisioning/dashboards"
    source = yaml.safe_load(text_of(DASHBOARDS.parent / "datasources" / "prometheus.yml"))
    board = json.loads(text_of(DASHBOARDS / "valor-service.json"))
    assert {panel["datasource"]["uid"] for panel in board["panels"]} == {
        source["datasources"][0]["uid"]
    }
