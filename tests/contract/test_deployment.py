"""The image, and the servers that docker compose starts around it."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

ROOT = Path(__file__).parents[2]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text("utf-8"))
SERVICES = COMPOSE["services"]


def mounts(service: dict[str, Any]) -> list[str]:
    """The files and folders of the project that a service sees."""
    sources = [volume.split(":")[0] for volume in service.get("volumes", ())]
    return [source for source in sources if source.startswith(".")]


def test_docker_compose_yml_follows_the_compose_specification() -> None:
    schema = json.loads(Path(__file__).with_name("compose-spec.json").read_text("utf-8"))
    jsonschema.Draft202012Validator(schema).validate(COMPOSE)


def test_every_port_is_bound_to_this_machine_alone() -> None:
    ports = [port for service in SERVICES.values() for port in service.get("ports", ())]
    assert len(ports) == 3
    assert all(port.startswith("127.0.0.1:") for port in ports)
    assert "ports" not in SERVICES["postgres"] | SERVICES["redis"]


def test_every_password_can_be_set_from_outside() -> None:
    secret = re.compile(r"PASSWORD|_URL$")
    for name, service in SERVICES.items():
        for variable, value in service.get("environment", {}).items():
            if secret.search(variable) and "redis" not in value:
                assert re.search(r"\$\{VALOR_\w+_PASSWORD:-on-this-machine-only\}", value), name


def test_the_server_never_holds_the_owner_s_password() -> None:
    assert "owner" not in json.dumps(SERVICES["server"]).lower()
    assert "valor_app:" in SERVICES["server"]["environment"]["VALOR_DATABASE_URL"]


def test_every_image_has_a_version() -> None:
    images = {service["image"] for service in SERVICES.values()} - {"valor-ivx-server"}
    images |= set(re.findall(r"^FROM (\S+)", (ROOT / "Dockerfile").read_text(), re.MULTILINE))
    assert len(images) == 5
    assert all(re.search(r":v?\d", image) for image in images)


def test_what_compose_mounts_is_there() -> None:
    sources = [source for service in SERVICES.values() for source in mounts(service)]
    assert len(sources) == 6
    assert [source for source in sources if not (ROOT / source).exists()] == []


def test_prometheus_scrapes_the_server_and_grafana_asks_prometheus() -> None:
    def read(path: str) -> dict[str, Any]:
        settings: dict[str, Any] = yaml.safe_load((ROOT / "deploy" / path).read_text("utf-8"))
        return settings

    jobs = read("prometheus/prometheus.yml")["scrape_configs"]
    targets = [
        target for job in jobs for each in job["static_configs"] for target in each["targets"]
    ]
    (source,) = read("grafana/provisioning/datasources/prometheus.yml")["datasources"]
    assert "server:8000" in targets
    assert source["url"] == "http://prometheus:9090"
    assert {"server", "prometheus"} <= SERVICES.keys()


def test_the_image_is_built_from_the_rooms_and_nothing_else() -> None:
    allowed = re.findall(r"^!(\S+)", (ROOT / ".dockerignore").read_text("utf-8"), re.MULTILINE)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    rooms = project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    assert set(rooms) <= set(allowed)
    assert [name for name in allowed if not (ROOT / name).exists()] == []
    assert not {"tests", "docs", ".env", ".git"} & set(allowed)


def test_the_image_can_be_built_with_a_cluster_s_packages_from_a_locked_list() -> None:
    text = (ROOT / "Dockerfile").read_text("utf-8")
    assert '"requirements/${VALOR_PACKAGES}.txt"' in text
    (default,) = re.findall(r"^ARG VALOR_PACKAGES=(\w+)$", text, re.MULTILINE)
    args = SERVICES["server"]["build"]["args"]
    assert args["VALOR_PACKAGES"] == f"${{VALOR_PACKAGES:-{default}}}"
    copied = (ROOT / ".dockerignore").read_text("utf-8").split()
    for name in (default, "cluster"):
        assert f"!requirements/{name}.txt" in copied
        assert (ROOT / "requirements" / f"{name}.txt").exists()


def test_the_dockerfile_passes_its_linter() -> None:
    hadolint = shutil.which("hadolint", path=f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    if hadolint is None:
        absent = "hadolint is not installed; the test group of pyproject.toml brings it"
        if os.environ.get("VALOR_CI"):
            pytest.fail(absent)
        pytest.skip(absent)
    done = subprocess.run([hadolint, ROOT / "Dockerfile"], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def test_the_image_serves_as_a_user_without_rights_and_is_asked_how_it_is() -> None:
    final = (ROOT / "Dockerfile").read_text("utf-8").rsplit("FROM ", 1)[1]
    assert re.search(r"^USER \d{4,}$", final, re.MULTILINE)
    assert "/health/live" in final[final.index("HEALTHCHECK") :]
    assert 'CMD ["serve", "--host", "0.0.0.0"]' in final


def test_continuous_integration_runs_what_a_person_runs() -> None:
    def read(name: str) -> str:
        return (ROOT / name).read_text("utf-8")

    assert "- run: .ci/run" in read(".github/workflows/ci.yml")
    assert os.access(ROOT / ".ci/run", os.X_OK)
    assert {"python3 dev.py check", "python3 dev.py test"} <= set(read(".ci/run").splitlines())
    assert "python3 dev.py test" in read("README.md")
    assert "python3 dev.py check" in read("CONTRIBUTING.md")
