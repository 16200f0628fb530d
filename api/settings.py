"""Settings: environment variables that begin with ``VALOR_``, read once, checked all together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit


class SettingsInvalid(Exception):
    """What is wrong with the environment: every problem, each with the command that mends it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How one server is set up. The defaults are the embedded ones: a file, no other server."""

    database_url: str
    database_owner_url: str  # the role that migrates; on SQLite the same file
    redis_url: str | None
    key_file: Path  # private key that signs development tokens, mode 0600
    public_key_file: Path | None  # public key (PEM) that proves tokens in production
    issuer: str
    trace_share: float
    otlp_endpoint: str | None
    log_level: str
    deadline_s: float  # of one request
    dev: bool  # loopback only, and signs its own tokens

    @classmethod
    def read(cls, environment: Mapping[str, str], *, dev: bool) -> Settings:
        """
        Raises:
            SettingsInvalid: with every problem.
        """
        problems: list[str] = []

        def share(name: str, default: str, low: float, high: float) -> float:
            written = environment.get(name, default)
            try:
                value = float(written)
            except ValueError:
                value = float("nan")
            if not low <= value <= high:
                problems.append(f"{name} is “{written}”: give a number from {low:g} to {high:g}.")
            return value

        def database_url(name: str, default: str) -> str:
            url = environment.get(name, default)
            # It is not said back: there may be a password in it.
            if name in environment and not _is_database(url):
                problems.append(
                    f"{name} is neither sqlite:///file nor postgresql://role@host/name."
                )
            return url

        home = Path(environment.get("VALOR_HOME", ".valor"))
        database = database_url("VALOR_DATABASE_URL", f"sqlite:///{home / 'valor.db'}")
        owner = database_url("VALOR_DATABASE_OWNER_URL", database)
        redis = environment.get("VALOR_REDIS_URL") or None
        if redis and not redis.startswith(("redis://", "rediss://", "unix://")):
            problems.append("VALOR_REDIS_URL does not begin with redis://, rediss:// or unix://.")
        public_key = environment.get("VALOR_PUBLIC_KEY_FILE")
        if not dev and not public_key:
            problems.append(
                "VALOR_PUBLIC_KEY_FILE is not set: name a PEM file with the Ed25519 public key of "
                "your token issuer, or run `valor serve --dev` on this machine alone."
            )
        level = environment.get("VALOR_LOG_LEVEL", "INFO").upper()
        if level not in {"DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"}:
            problems.append(
                f"VALOR_LOG_LEVEL is “{level}”: DEBUG, INFO, WARNING, ERROR or CRITICAL."
            )
        settings = cls(
            database_url=database,
            database_owner_url=owner,
            redis_url=redis,
            key_file=home / "development-key.pem",
            public_key_file=Path(public_key) if public_key else None,
            issuer=environment.get("VALOR_ISSUER", "valor-ivx-development" if dev else "valor-ivx"),
            trace_share=share("VALOR_TRACE_SAMPLE", "0.01", 0.0, 1.0),
            otlp_endpoint=environment.get("VALOR_OTLP_ENDPOINT") or None,
            log_level=level,
            deadline_s=share("VALOR_DEADLINE_S", "15", 0.1, 600.0),
            dev=dev,
        )
        if problems:
            raise SettingsInvalid("\n".join(problems))
        return settings


def _is_database(url: str) -> bool:
    if url.startswith("sqlite:///"):
        file = url.removeprefix("sqlite:///")
        return file not in ("", ":memory:") and not file.startswith("file:")
    try:
        parts = urlsplit(url)
        return parts.scheme == "postgresql" and parts.port != 0
    except ValueError:  # a port that is no number
        return False
