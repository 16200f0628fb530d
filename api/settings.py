"""Settings: environment variables that begin with ``VALOR_``, read once, checked all together."""

from __future__ import annotations

import ipaddress
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from api.operations.trusted import ManifestInvalid, manifest
from services.cluster import ClusterPlace
from services.outward import Network

SECRET_LEAST: Final = 16  # characters
WORKERS_MAX: Final = 64
PROCESSES_MAX: Final = 4  # that compute, unless more are asked for
THREADS_MAX: Final = 8  # more put numbers together no faster
_ORIGIN: Final = re.compile(
    r"https?://[a-z0-9.-]+(:[0-9]{1,5})?|https?://\[[0-9a-f:]+\](:[0-9]{1,5})?"
)

_CLUSTER: Final = re.compile(r"(?:tls|tcp)://([\w.-]+|\[[0-9a-fA-F:]+\]):([0-9]{1,5})", re.ASCII)


class SettingsInvalid(Exception):
    """What is wrong with the environment: every problem, each with the command that mends it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How one server is set up. The defaults are the embedded ones: a file, no other server."""

    database_url: str
    database_owner_url: str  # the role that migrates; on SQLite the same file
    database_backup_url: str  # the role that backs up; on SQLite the same file
    home: Path  # of what belongs to this machine
    pg_bin: Path | None  # PostgreSQL's own programs, if they are not to be looked for
    private_hosts: frozenset[str]  # on a network of our own, spoken to without TLS
    redis_url: str | None
    keys: Path  # directory of the keys that sign and seal
    issuer: str
    trace_share: float
    otlp_endpoint: str | None
    log_level: str
    deadline_s: float  # of one request
    origins: frozenset[str]  # pages that may ask for every tenant, beside our own
    billing_secrets: tuple[str, ...]  # any of which the payment provider may sign with; none: none
    billing_prices: Path | None  # JSON: what plans cost there
    public_url: str | None  # where callers find this service, as in https://valor.example.com
    outward_private: tuple[Network, ...]  # of addresses that are asked though not public: tests
    outward_ca_file: Path | None  # certificates (PEM) trusted beside the public ones
    trusted_documents: Mapping[str, str]  # by the SHA-256 of their text
    only_trusted: bool  # no other document runs
    compute_processes: int  # that do what is longer than a request, in each server process
    compute_threads: int  # in each of them
    compute_memory_mb: int  # of each of them, at most
    run_deadline_s: float  # of one run
    cluster: ClusterPlace | None  # that computes runs, instead of this machine
    workers: int  # server processes on one socket
    drain_s: float  # from not ready to taking no more connections
    dev: bool  # loopback only, and signs its own tokens

    @classmethod
    def read(cls, environment: Mapping[str, str], *, dev: bool) -> Settings:
        """
        Raises:
            SettingsInvalid: with every problem.
        """
        settings, problems = cls.look(environment, dev=dev)
        if problems:
            raise SettingsInvalid("\n".join(problems))
        return settings

    @classmethod
    def look(cls, environment: Mapping[str, str], *, dev: bool) -> tuple[Settings, list[str]]:
        """The settings, and what is wrong with them: then they are not to be used."""
        problems: list[str] = []

        def number(name: str, default: str, low: float, high: float) -> float:
            written = environment.get(name, default)
            try:
                value = float(written)
            except ValueError:
                value = float("nan")
            if not low <= value <= high:
                problems.append(f"{name} is “{written}”: give a number from {low:g} to {high:g}.")
            return value

        def count(name: str, default: str, high: int, low: int = 1) -> int:
            written = environment.get(name, default)
            if not (written.isascii() and written.isdigit() and low <= int(written) <= high):
                problems.append(f"{name} is “{written}”: give a whole number from {low} to {high}.")
                return low
            return int(written)

        def database_url(name: str, default: str) -> str:
            url = environment.get(name, default)
            # It is not said back: there may be a password in it.
            if name in environment and not is_database(url):
                problems.append(
                    f"{name} is neither sqlite:///file nor postgresql://role@host/name."
                )
            elif "ssl" in url and (no := _tls_problem(url)):
                problems.append(f"{name}: {no}")
            return url

        home = Path(environment.get("VALOR_HOME", ".valor"))
        database = database_url("VALOR_DATABASE_URL", f"sqlite:///{home / 'valor.db'}")
        owner = database_url("VALOR_DATABASE_OWNER_URL", database)
        backup = database_url("VALOR_DATABASE_BACKUP_URL", owner)
        redis = environment.get("VALOR_REDIS_URL") or None
        if redis and not redis.startswith(("redis://", "rediss://", "unix://")):
            problems.append("VALOR_REDIS_URL does not begin with redis://, rediss:// or unix://.")
        elif redis and not _has_a_port(redis):
            problems.append("VALOR_REDIS_URL is no address: give it as rediss://host:6379/0.")
        origins = frozenset(_words(environment.get("VALOR_ORIGINS", "")))
        problems += [
            f"VALOR_ORIGINS has “{origin}”: an origin is like https://app.example.com, in lower "
            "case and without a path."
            for origin in sorted(origins)
            if not _ORIGIN.fullmatch(origin)
        ]
        documents = environment.get("VALOR_DOCUMENTS", "any")
        if documents not in ("any", "trusted"):
            problems.append(f"VALOR_DOCUMENTS is “{documents}”: any or trusted.")
        trusted: Mapping[str, str] = {}
        manifest_file = environment.get("VALOR_TRUSTED_DOCUMENTS")
        if manifest_file:
            try:
                trusted = manifest(Path(manifest_file))
            except ManifestInvalid as no:
                problems.append(f"VALOR_TRUSTED_DOCUMENTS: {no}")
        elif documents == "trusted":
            problems.append(
                "VALOR_TRUSTED_DOCUMENTS is not set, so no document would run: name the file, or "
                "leave VALOR_DOCUMENTS out."
            )
        workers = count("VALOR_WORKERS", "1", WORKERS_MAX)
        if workers > 1 and not redis:
            problems.append(
                f"VALOR_REDIS_URL is not set, and {workers} workers meet nowhere else: name a "
                "Redis server, or serve with one process (--workers 1, or no VALOR_WORKERS)."
            )
        if workers > 1 and os.name == "nt":
            problems.append("Several workers share a socket, which Windows lacks: --workers 1.")
        processors = _processors()
        few = max(1, min(PROCESSES_MAX, processors // (2 * workers)))
        processes = count("VALOR_COMPUTE_PROCESSES", str(few), WORKERS_MAX)
        keys = environment.get("VALOR_KEYS")
        if not dev and not keys:
            problems.append(
                "VALOR_KEYS is not set: name a directory for the keys that sign tokens and fill it "
                "with `valor keys rotate`, or run `valor serve --dev` on this machine alone."
            )
        cluster = _cluster(environment, problems)
        level = environment.get("VALOR_LOG_LEVEL", "INFO").upper()
        if level not in {"DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"}:
            problems.append(
                f"VALOR_LOG_LEVEL is “{level}”: DEBUG, INFO, WARNING, ERROR or CRITICAL."
            )
        settings = cls(
            database_url=database,
            database_owner_url=owner,
            database_backup_url=backup,
            home=home,
            pg_bin=Path(folder) if (folder := environment.get("VALOR_PG_BIN")) else None,
            private_hosts=frozenset(_words(environment.get("VALOR_PRIVATE_HOSTS", ""))),
            redis_url=redis,
            keys=Path(keys) if keys else home / "keys",
            issuer=environment.get("VALOR_ISSUER", "valor-ivx-development" if dev else "valor-ivx"),
            trace_share=number("VALOR_TRACE_SAMPLE", "0.01", 0.0, 1.0),
            otlp_endpoint=environment.get("VALOR_OTLP_ENDPOINT") or None,
            log_level=level,
            deadline_s=number("VALOR_DEADLINE_S", "15", 0.1, 600.0),
            origins=origins,
            billing_secrets=_billing_secrets(environment, problems),
            billing_prices=_billing_prices(environment, problems),
            public_url=_public_url(environment.get("VALOR_PUBLIC_URL", ""), problems),
            outward_private=_networks(environment.get("VALOR_OUTWARD_PRIVATE", ""), problems),
            outward_ca_file=Path(pem)
            if (pem := environment.get("VALOR_OUTWARD_CA_FILE"))
            else None,
            trusted_documents=trusted,
            only_trusted=documents == "trusted",
            compute_processes=processes,
            compute_threads=max(1, min(THREADS_MAX, processors // (processes * workers))),
            compute_memory_mb=count("VALOR_COMPUTE_MEMORY_MB", "2048", 1_048_576, low=512),
            run_deadline_s=number("VALOR_RUN_DEADLINE_S", "600", 1.0, 86_400.0),
            cluster=cluster,
            workers=workers,
            drain_s=number("VALOR_DRAIN_S", "0", 0.0, 600.0),
            dev=dev,
        )
        return settings, problems


def _words(written: str) -> list[str]:
    """What stands between spaces or commas."""
    return written.replace(",", " ").split()


def _billing_secrets(environment: Mapping[str, str], problems: list[str]) -> tuple[str, ...]:
    secrets = tuple(_words(environment.get("VALOR_BILLING_SECRET", "")))
    if any(len(each) < SECRET_LEAST for each in secrets):  # they are not said back
        problems.append(
            f"VALOR_BILLING_SECRET has one of less than {SECRET_LEAST} characters: copy the "
            "signing secret of the payment provider's endpoint; several stand between spaces."
        )
    if secrets and not environment.get("VALOR_BILLING_PRICES"):
        problems.append(
            "VALOR_BILLING_PRICES is not set, so no payment would be understood: name the file of "
            "prices, or leave VALOR_BILLING_SECRET out."
        )
    return secrets


def _billing_prices(environment: Mapping[str, str], problems: list[str]) -> Path | None:
    file = environment.get("VALOR_BILLING_PRICES")
    if not file:
        return None
    from services.prices import PriceList, PricesInvalid

    try:
        PriceList.read(Path(file))
    except PricesInvalid as no:
        problems.append(f"VALOR_BILLING_PRICES: {no}")
    return Path(file)


def _public_url(written: str, problems: list[str]) -> str | None:
    found = written.rstrip("/")
    if found and not _ORIGIN.fullmatch(found):
        problems.append(
            f"VALOR_PUBLIC_URL is “{written}”: an origin is like https://valor.example.com, in "
            "lower case and without a path."
        )
    return found or None


def _networks(written: str, problems: list[str]) -> tuple[Network, ...]:
    found = []
    for each in _words(written):
        try:
            found.append(ipaddress.ip_network(each))
        except ValueError:
            problems.append(
                f"VALOR_OUTWARD_PRIVATE has “{each}”: a network is like 127.0.0.0/8 or fd00::/8."
            )
    return tuple(found)


def _processors() -> int:
    """How many this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _cluster(environment: Mapping[str, str], problems: list[str]) -> ClusterPlace | None:
    address = environment.get("VALOR_CLUSTER")
    files = {
        "VALOR_CLUSTER_CA_FILE": environment.get("VALOR_CLUSTER_CA_FILE") or None,
        "VALOR_CLUSTER_CERT_FILE": environment.get("VALOR_CLUSTER_CERT_FILE") or None,
        "VALOR_CLUSTER_KEY_FILE": environment.get("VALOR_CLUSTER_KEY_FILE") or None,
    }
    if not address:
        return None
    host = _CLUSTER.fullmatch(address)
    if not host or not 0 < int(host[2]) < 65_536:
        problems.append(f"VALOR_CLUSTER is “{address}”: tls://host:port, or tcp://host:port.")
    elif address.startswith("tls://"):
        problems += [
            f"{name} is not set, and a cluster at tls:// is spoken to with certificates: name a "
            "PEM file."
            for name, file in files.items()
            if file is None
        ]
    elif _is_public(host[1]):
        problems.append(
            f"VALOR_CLUSTER is “{address}”, over which anybody on the way could run code here: use "
            "tls://host:port with certificates. tcp:// is for private networks."
        )
    ca_file, cert_file, key_file = files.values()
    return ClusterPlace(address=address, ca_file=ca_file, cert_file=cert_file, key_file=key_file)


def _is_public(host: str) -> bool:
    try:
        return ipaddress.ip_address(host.strip("[]")).is_global
    except ValueError:  # a name: whose network it is in, nobody here knows
        return False


def _tls_problem(url: str) -> str | None:
    from store.postgresql_address import address

    if not url.startswith("postgresql://"):
        return None
    try:
        address(url)
    except ValueError as no:
        return str(no)
    except OSError as no:  # which certificates that are none are as well
        why = no.strerror or "it is not in PEM"
        return f"a file that sslrootcert, sslcert or sslkey names cannot be read ({why})."
    return None


def is_database(url: str) -> bool:
    if url.startswith("sqlite:///"):
        file = url.removeprefix("sqlite:///")
        return file not in ("", ":memory:") and not file.startswith("file:")
    return url.startswith("postgresql://") and _has_a_port(url)


def _has_a_port(url: str) -> bool:
    """Whether a host and a port can be read from it, or follow from there being none."""
    try:
        return urlsplit(url).port != 0
    except ValueError:  # a port that is no number
        return False
