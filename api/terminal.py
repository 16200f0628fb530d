"""What every command has in common: settings, an event loop, JSON, and a no in words."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Callable, Coroutine, Mapping
from pathlib import Path
from typing import Any, Final, NoReturn, TypeVar

import click

from api.settings import Settings, SettingsInvalid

R = TypeVar("R")
URL: Final = "http://127.0.0.1:8000"  # of a server that was not told another


def settings_of(*, dev: bool, **given: object) -> Settings:
    """The settings of the environment; ``given`` are options that stand for a variable each."""
    variables = {name: str(value) for name, value in given.items() if value is not None}
    try:
        return Settings.read({**os.environ, **variables}, dev=dev)
    except SettingsInvalid as no:
        fail(f"The settings need mending:\n{no}")


def run_to_end(work: Coroutine[Any, Any, R], database: str = "VALOR_DATABASE_URL") -> R:
    """Run it to its end. Ctrl-C, and a database that cannot be used, end the command."""
    from store.errors import StoreError

    try:
        with asyncio.Runner(loop_factory=loop_factory()) as runner:
            return runner.run(work)
    except KeyboardInterrupt:
        sys.exit(130)
    except StoreError as no:
        fail(f"{no} Check {database}, then run this again.")


def loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """uvloop's where it is installed: a server spends half as long between requests."""
    try:
        import uvloop
    except ImportError:  # on Windows
        return None
    return uvloop.new_event_loop


def json_object(file: Path) -> dict[str, Any]:
    """The JSON object in a file."""
    from api.operations.request import NotWellFormed
    from api.transports.protocol import strict_json

    try:
        found = strict_json(file.read_bytes(), str(file))
    except NotWellFormed as no:
        fail(no.message)
    if not isinstance(found, dict):
        fail(f"{file} must hold a JSON object.")
    return found


def pretty(answer: Mapping[str, Any]) -> str:
    """JSON for people; arrays of the engine as lists."""
    import orjson

    plain = orjson.loads(orjson.dumps(answer, option=orjson.OPT_SERIALIZE_NUMPY))
    return json.dumps(plain, indent=2, ensure_ascii=False)


def fail(message: str) -> NoReturn:
    """End the command with a no."""
    click.echo(message, err=True)
    sys.exit(1)
