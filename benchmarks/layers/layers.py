"""Layers of protection as data: what each is, how it is taken away, which tests must miss it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

LIST: Final = Path(__file__).with_name("layers.yaml")


class NotApplicable(Exception):
    """A layer that cannot be taken away as its entry says."""


@dataclass(frozen=True, slots=True)
class Layer:
    """One of them."""

    name: str
    file: str  # from the root of the project
    find: str  # that stands there once
    put: str  # in its place
    tests: tuple[str, ...]  # what pytest is to run: files, or tests of them

    def removed(self, root: Path) -> str:
        """The text of its file without it.

        Raises:
            NotApplicable: if the file does not have it, or not once.
        """
        try:
            text = (root / self.file).read_text("utf-8")
        except FileNotFoundError:
            raise NotApplicable(f"{self.name}: there is no {self.file}") from None
        times = text.count(self.find)
        if times != 1:
            raise NotApplicable(f"{self.name}: {self.file} has {times} times: {self.find.strip()}")
        without = text.replace(self.find, self.put)
        compile(without, self.file, "exec")
        return without


def layers(source: Path = LIST) -> list[Layer]:
    """All of them, in the order of the list."""
    return [_read(entry) for entry in yaml.safe_load(source.read_text("utf-8"))]


def _read(entry: Mapping[str, Any]) -> Layer:
    tests = entry["tests"]
    if not tests:  # pytest would run everything
        raise NotApplicable(f"{entry['layer']}: no test stands for it")
    return Layer(
        name=entry["layer"],
        file=entry["file"],
        find=entry["find"],
        put=entry["put"],
        tests=tuple([tests] if isinstance(tests, str) else tests),
    )
