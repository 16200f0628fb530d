"""Settings come from the environment: all of them have a default, and all that is wrong is said."""

from __future__ import annotations

import json
import re
from dataclasses import fields
from hashlib import sha256
from pathlib import Path
from socket import socket

import pytest

from api import settings as module
from api.processes.supervisor import Supervisor
from api.settings import Settings, SettingsInvalid
from observability.logs import Logs
from services.cluster import ClusterPlace

ROOT = Path(module.__file__).parent.parent


def read(*, dev: bool = True, **environment: str) -> Settings:
    return Settings.read(environment, dev=dev)


def problems(*, dev: bool = True, **environment: str) -> list[str]:
    with pytest.raises(SettingsInvalid) as no:
        Settings.read(environment, dev=dev)
    return str(no.value).splitlines()


def test_a_development_server_needs_no_setting() -> None:
    settings = read()
    assert settings.database_url == "sqlite:///.valor/valor.db"
    assert settings.database_owner_url == settings.database_url
    assert settings.redis_url is None
    assert settings.otlp_endpoint is None
    assert settings.keys == Path(".valor/keys")
    assert (settings.trace_share, settings.deadline_s) == (0.01, 15.0)
    assert (settings.log_level, settings.dev) == ("INFO", True)
    assert settings.issuer == "valor-ivx-development"


def test_everything_may_be_said() -> None:
    settings = read(
        dev=False,
        VALOR_HOME="/home",
        VALOR_DATABASE_URL="postgresql://app@db:5433/valor",
        VALOR_DATABASE_OWNER_URL="postgresql://owner:secret@db/valor",
        VALOR_REDIS_URL="rediss://cache:6380/1",
        VALOR_KEYS="/keys",
        VALOR_ISSUER="https://issuer.example",
        VALOR_TRACE_SAMPLE="0.5",
        VALOR_OTLP_ENDPOINT="http://collector:4318",
        VALOR_LOG_LEVEL="warning",
        VALOR_DEADLINE_S="2.5",
    )
    assert settings.database_url == "postgresql://app@db:5433/valor"
    assert settings.database_owner_url == "postgresql://owner:secret@db/valor"
    assert settings.redis_url == "rediss://cache:6380/1"
    assert settings.keys == Path("/keys")
    assert settings.issuer == "https://issuer.example"
    assert (settings.trace_share, settings.deadline_s) == (0.5, 2.5)
    assert settings.otlp_endpoint == "http://collector:4318"
    assert settings.log_level == "WARNING"


def test_one_process_that_stops_at_once_is_the_default() -> None:
    assert (read().workers, read().drain_s) == (1, 0.0)


def test_several_workers_want_redis_and_are_counted() -> None:
    both = {"VALOR_WORKERS": "4", "VALOR_REDIS_URL": "redis://cache"}
    assert read(**both, VALOR_DRAIN_S="2.5").workers == 4
    (said,) = problems(VALOR_WORKERS="4")
    assert said.startswith("VALOR_REDIS_URL is not set, and 4 workers meet nowhere else")
    for wrong in ("0", "65", "two", "1.5", "-1", ""):
        (said,) = problems(VALOR_WORKERS=wrong, VALOR_REDIS_URL="redis://cache")
        assert said == f"VALOR_WORKERS is “{wrong}”: give a whole number from 1 to 64."


def test_a_drain_has_an_end() -> None:
    assert read(VALOR_DRAIN_S="5").drain_s == 5.0
    for wrong in ("-1", "601", "nan", "soon"):
        (said,) = problems(VALOR_DRAIN_S=wrong)
        assert said == f"VALOR_DRAIN_S is “{wrong}”: give a number from 0 to 600."


def test_home_moves_the_database_and_the_keys() -> None:
    settings = read(VALOR_HOME="/srv/valor")
    assert settings.database_url == "sqlite:////srv/valor/valor.db"
    assert settings.keys == Path("/srv/valor/keys")


def test_an_issuer_of_development_is_not_taken_for_one_of_production() -> None:
    assert read().issuer != read(dev=False, VALOR_KEYS="x").issuer


def test_every_problem_is_said_at_once() -> None:
    said = problems(
        dev=False,
        VALOR_DATABASE_URL="mysql://x",
        VALOR_DATABASE_OWNER_URL="y",
        VALOR_REDIS_URL="memcached://x",
        VALOR_TRACE_SAMPLE="7",
        VALOR_DEADLINE_S="soon",
        VALOR_LOG_LEVEL="loud",
    )
    names = [re.match(r"VALOR_\w+", line) for line in said]
    assert {name[0] for name in names if name} == {
        "VALOR_DATABASE_URL",
        "VALOR_DATABASE_OWNER_URL",
        "VALOR_REDIS_URL",
        "VALOR_KEYS",
        "VALOR_TRACE_SAMPLE",
        "VALOR_DEADLINE_S",
        "VALOR_LOG_LEVEL",
    }
    assert len(said) == 7


@pytest.mark.parametrize(
    "url",
    [
        "",
        "valor.db",
        "sqlite://valor.db",
        "sqlite:///",
        "sqlite:///:memory:",
        "sqlite:///file:valor.db?mode=memory",
        "mysql://role@host/name",
        "postgres://role@host/name",
        "postgresql+asyncpg://role@host/name",
        "postgresql://role@host:port/name",
        "postgresql://role@host:0/name",
        "postgresql://[::1/name",
    ],
)
def test_a_database_is_a_file_of_sqlite_or_a_postgresql(url: str) -> None:
    (said,) = problems(VALOR_DATABASE_URL=url)
    assert said == "VALOR_DATABASE_URL is neither sqlite:///file nor postgresql://role@host/name."


@pytest.mark.parametrize(
    "url",
    [
        "sqlite:///valor.db",
        "sqlite:////var/lib/valor.db",
        "postgresql://role@host/name",
        "postgresql://role:pass%40word@[::1]:5432/name?sslmode=require",
        "postgresql://role@/name?host=/run/postgresql",
    ],
)
def test_a_good_address_is_taken_as_it_is(url: str) -> None:
    assert read(VALOR_DATABASE_URL=url).database_url == url


def test_a_password_is_never_said_back() -> None:
    said = problems(
        VALOR_DATABASE_URL="mysql://u:hunter2@h/d",
        VALOR_DATABASE_OWNER_URL="mysql://u:hunter2@h/d",
        VALOR_REDIS_URL="http://:hunter2@h",
    )
    assert len(said) == 3
    assert "hunter2" not in "".join(said)


@pytest.mark.parametrize("share", ["", "x", "-0.1", "1.01", "nan", "inf", "1e400", "0,5"])
def test_a_share_is_a_number_from_0_to_1(share: str) -> None:
    assert problems(VALOR_TRACE_SAMPLE=share) == [
        f"VALOR_TRACE_SAMPLE is “{share}”: give a number from 0 to 1."
    ]


@pytest.mark.parametrize("share", ["0", "1", "0.01", "1e-3", " 0.5 "])
def test_the_ends_are_shares_too(share: str) -> None:
    assert read(VALOR_TRACE_SAMPLE=share).trace_share == float(share)


@pytest.mark.parametrize("name", ["VALOR_REDIS_URL", "VALOR_OTLP_ENDPOINT"])
def test_what_is_empty_is_not_set(name: str) -> None:
    settings = Settings.read({name: ""}, dev=True)
    assert (settings.redis_url, settings.otlp_endpoint) == (None, None)


def test_production_needs_the_keys_that_sign_its_tokens() -> None:
    (said,) = problems(dev=False)
    assert said.startswith("VALOR_KEYS is not set")
    assert "valor serve --dev" in said  # what mends it on a machine of one's own


def test_every_setting_is_on_the_page_that_lists_them() -> None:
    read_here = set(re.findall(r'"(VALOR_[A-Z_]+)"', Path(module.__file__).read_text()))
    page = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
    assert len(read_here) >= 10
    assert read_here <= set(re.findall(r"VALOR_[A-Z_]+", page))
    assert {field.name for field in fields(Settings)} >= {"database_url", "dev"}


def test_origins_are_those_of_pages_as_browsers_write_them() -> None:
    written = "https://app.example.com, http://localhost:5173 http://[::1]:3000"
    assert read(VALOR_ORIGINS=written).origins == {
        "https://app.example.com",
        "http://localhost:5173",
        "http://[::1]:3000",
    }
    assert read().origins == frozenset()


@pytest.mark.parametrize(
    "origin",
    ["*", "app.example.com", "https://app.example.com/", "https://App.example", "ws://a", "null"],
)
def test_what_no_browser_writes_is_no_origin(origin: str) -> None:
    (said,) = problems(VALOR_ORIGINS=f"https://fine.example,{origin}")
    assert said.startswith(f"VALOR_ORIGINS has “{origin}”")


def test_networks_that_may_be_asked_are_written_as_networks() -> None:
    found = read(VALOR_OUTWARD_PRIVATE="127.0.0.0/8, fd00::/8").outward_private
    assert [str(network) for network in found] == ["127.0.0.0/8", "fd00::/8"]
    assert read().outward_private == ()
    for wrong in ("localhost", "127.0.0.1/7", "*"):
        (said,) = problems(VALOR_OUTWARD_PRIVATE=wrong)
        assert said.startswith(f"VALOR_OUTWARD_PRIVATE has “{wrong}”")


def test_a_manifest_of_trusted_documents_is_read_at_the_start(tmp_path: Path) -> None:
    file, text = tmp_path / "documents.json", "{ __typename }"
    hash_ = sha256(text.encode()).hexdigest()
    file.write_text(json.dumps({f"sha256:{hash_}": text}))
    settings = read(VALOR_TRUSTED_DOCUMENTS=str(file))
    assert (settings.trusted_documents, settings.only_trusted) == ({hash_: text}, False)
    settings = read(VALOR_TRUSTED_DOCUMENTS=str(file), VALOR_DOCUMENTS="trusted")
    assert settings.only_trusted
    assert read().trusted_documents == {}


def test_a_manifest_that_is_none_is_a_problem_like_any_other(tmp_path: Path) -> None:
    missing = str(tmp_path / "documents.json")
    first, second = problems(VALOR_TRUSTED_DOCUMENTS=missing, VALOR_DOCUMENTS="some")
    assert first == "VALOR_DOCUMENTS is “some”: any or trusted."
    assert second.startswith("VALOR_TRUSTED_DOCUMENTS: ")
    (said,) = problems(VALOR_DOCUMENTS="trusted")
    assert said.startswith("VALOR_TRUSTED_DOCUMENTS is not set")


@pytest.mark.parametrize(
    ("processors", "servers", "processes", "threads"),
    [(1, 1, 1, 1), (2, 1, 1, 2), (4, 1, 2, 2), (8, 1, 4, 2), (64, 1, 4, 8), (8, 4, 1, 2)],
)
def test_what_computes_shares_the_processors(
    processors: int, servers: int, processes: int, threads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_processors", lambda: processors)
    settings = read(VALOR_WORKERS=str(servers), VALOR_REDIS_URL="redis://cache")
    assert (settings.compute_processes, settings.compute_threads) == (processes, threads)


def test_what_computes_has_as_many_processes_as_are_asked_for_and_limits() -> None:
    settings = read(
        VALOR_COMPUTE_PROCESSES="3", VALOR_COMPUTE_MEMORY_MB="512", VALOR_RUN_DEADLINE_S="60"
    )
    assert settings.compute_processes == 3
    assert settings.compute_threads >= 1
    assert (settings.compute_memory_mb, settings.run_deadline_s) == (512, 60.0)
    assert (read().compute_memory_mb, read().run_deadline_s) == (2_048, 600.0)
    assert problems(
        VALOR_COMPUTE_PROCESSES="0", VALOR_COMPUTE_MEMORY_MB="511", VALOR_RUN_DEADLINE_S="0.5"
    ) == [
        "VALOR_COMPUTE_PROCESSES is “0”: give a whole number from 1 to 64.",
        "VALOR_COMPUTE_MEMORY_MB is “511”: give a whole number from 512 to 1048576.",
        "VALOR_RUN_DEADLINE_S is “0.5”: give a number from 1 to 86400.",
    ]


TLS = {
    "VALOR_CLUSTER": "tls://scheduler.internal:8786",
    "VALOR_CLUSTER_CA_FILE": "ca.pem",
    "VALOR_CLUSTER_CERT_FILE": "cert.pem",
    "VALOR_CLUSTER_KEY_FILE": "key.pem",
}


def test_a_cluster_is_spoken_to_with_certificates_or_on_a_private_network() -> None:
    assert read().cluster is None
    assert read(VALOR_CLUSTER="").cluster is None
    found = read(**TLS).cluster
    assert found == ClusterPlace(
        address="tls://scheduler.internal:8786",
        ca_file="ca.pem",
        cert_file="cert.pem",
        key_file="key.pem",
    )
    for address in ("tcp://127.0.0.1:8786", "tcp://10.0.0.5:8786", "tcp://[fd00::1]:8786"):
        found = read(VALOR_CLUSTER=address).cluster
        assert found == ClusterPlace(address=address)


@pytest.mark.parametrize(
    "address",
    ["10.0.0.5:8786", "http://10.0.0.5:8786", "tcp://10.0.0.5", "tcp://h:0", "tcp://h:99999", "x"],
)
def test_what_is_no_address_of_a_cluster_is_a_problem(address: str) -> None:
    assert problems(VALOR_CLUSTER=address) == [
        f"VALOR_CLUSTER is “{address}”: tls://host:port, or tcp://host:port."
    ]


@pytest.mark.parametrize("host", ["8.8.8.8", "[2606:4700::1111]"])
def test_pickle_does_not_cross_the_internet_in_the_open(host: str) -> None:
    (said,) = problems(VALOR_CLUSTER=f"tcp://{host}:8786")
    assert "anybody on the way could run code here" in said
    assert read(**{**TLS, "VALOR_CLUSTER": f"tls://{host}:8786"}).cluster is not None


def test_each_certificate_that_is_missing_is_named() -> None:
    said = problems(VALOR_CLUSTER="tls://10.0.0.5:8786", VALOR_CLUSTER_CERT_FILE="cert.pem")
    assert [each.split(" is not set")[0] for each in said] == [
        "VALOR_CLUSTER_CA_FILE",
        "VALOR_CLUSTER_KEY_FILE",
    ]


def test_every_server_process_is_told_of_the_cluster_that_an_option_named() -> None:
    settings = read(VALOR_CLUSTER="tcp://10.0.0.5:8786")
    with socket() as listener:
        supervisor = Supervisor(settings, listener, Logs("CRITICAL"))
        assert supervisor._variables()["VALOR_CLUSTER"] == "tcp://10.0.0.5:8786"
