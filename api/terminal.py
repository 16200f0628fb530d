"""What every command has in common: settings, an event loop, JSON, and a no in words."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from codecs import BOM_UTF8
from collections.abc import Callable, Coroutine, Iterator, Mapping
from pathlib import Path
from typing import Any, Final, NoReturn, TypeVar

import click

from api.settings import Settings, SettingsInvalid

R = TypeVar("R")
URL: Final = "http://127.0.0.1:8000"  # of a server that was not told another
_ZIP: Final = b"PK\x03\x04"  # how a workbook begins


def settings_of(*, dev: bool, **given: object) -> Settings:
    """The settings of the environment; ``given`` are options that stand for a variable each."""
    variables = {name: str(value) for name, value in given.items() if value is not None}
    try:
        return Settings.read({**os.environ, **variables}, dev=dev)
    except SettingsInvalid as no:
        fail(f"The settings need mending:\n{no}")


def run_to_end(work: Coroutine[Any, Any, R], database: str = "VALOR_DATABASE_URL") -> R:
    """Run it to its end. Ctrl-C, and a database that cannot be used, end the command."""
    from store.errors import Explained, StoreError

    try:
        with asyncio.Runner(loop_factory=loop_factory()) as runner:
            return runner.run(work)
    except KeyboardInterrupt:
        sys.exit(130)
    except Explained as no:
        fail(str(no))
    except StoreError as no:
        fail(f"{no} Check {database}, then run this again.")


def counted(number: int, one: str, several: str = "") -> str:
    """A number of things: 1 model, 2 models."""
    return f"{number:,} {one if number == 1 else several or f'{one}s'}"


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

    text = file.read_bytes().removeprefix(BOM_UTF8)
    if text.startswith(_ZIP):
        fail(f"{file}: A workbook cannot be read back: the inputs are a JSON file.")
    try:
        text.decode()
    except UnicodeDecodeError:
        fail(f"{file} is no text in UTF-8. Save it as UTF-8.")
    try:
        found = strict_json(text, str(file))
    except NotWellFormed as no:
        fail(no.message)
    if not isinstance(found, dict):
        fail(f"{file} must hold a JSON object.")
    for path in _twice(json.loads(text, object_pairs_hook=_Pairs)):
        fail(f"{file} gives `{path}` twice. Keep one of them.")
    return found


def source_of(given: str) -> str | dict[str, Any]:
    """A valuation's id, or the inputs in a file."""
    file = Path(given)
    if file.is_file():
        return json_object(file)
    if "." in given:  # which no id has
        fail(f"There is no file {given}.")
    return given


class _Pairs(tuple[tuple[str, Any], ...]):
    """A JSON object, with every key of it as often as it is given."""

    __slots__ = ()


def _twice(value: Any, path: str = "") -> Iterator[str]:
    """The path of every key that its object has had before."""
    if isinstance(value, _Pairs):
        seen = set[str]()
        for key, inner in value:
            at = f"{path}.{key}" if path else key
            if key in seen:
                yield at
            seen.add(key)
            yield from _twice(inner, at)
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from _twice(inner, f"{path}[{number}]")


def pretty(answer: Mapping[str, Any]) -> str:
    """JSON for people; arrays of the engine as lists."""
    import orjson

    plain = orjson.loads(orjson.dumps(answer, option=orjson.OPT_SERIALIZE_NUMPY))
    return json.dumps(plain, indent=2, ensure_ascii=False)


def fail(message: str) -> NoReturn:
    """End the command with a no."""
    click.echo(message, err=True)
    sys.exit(1)
