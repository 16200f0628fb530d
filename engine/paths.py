"""Every input has a path, and every analysis speaks in paths: one mechanism for every kind.

A path names a number (``terminal.gordon.growth``), a whole schedule (``operations.tax_rate``) or
one year of it (``operations.tax_rate[3]``). A schedule as a whole is moved: its value is an
amount that is *added to every year*. A branch of a choice, such as ``gordon``, is part of a path.
In a list of groups, an index chooses the group: ``capital.capm.comparables.peers[0].beta``.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from functools import cached_property, lru_cache
from os.path import commonprefix
from typing import Any, TypeAlias, TypeVar

from engine.door import Door, Scalar
from engine.errors import InvalidInput, Problem
from engine.schedules import Schedule

T = TypeVar("T")
Table: TypeAlias = Mapping[str, float | Schedule]  # what `numbers` answers

MEANT_MOST = 40  # paths that a refusal names: a firm in segments has thousands
LIKELY_MOST = 8  # of those that are only likely
_READ = 80  # characters of a name that is looked for
_INDEX = re.compile(r"(.+)\[(0|[1-9][0-9]?)\]")  # one spelling for each year, and for each group


def numbers(inputs: object) -> dict[str, float | Schedule]:
    """Path to value for every number and every schedule of admitted inputs, in their order."""
    return dict(_walk(inputs, ""))


class Names(Mapping[str, float | Schedule]):
    """Everything that a path may name: `numbers`, and the wholes that some of them come to.

    A WACC built from its parts is such a whole: ``capital.wacc`` moves it, whatever its parts.
    One path is looked up where it leads; only who wants them all pays for the list, once.
    """

    def __init__(self, inputs: object) -> None:
        self._inputs: Any = inputs

    def __getitem__(self, path: str) -> float | Schedule:
        value = self._found(path)
        if isinstance(value, Schedule):
            return value
        if _last_name(path) in _FIXED or not _is_number(value):
            raise KeyError(path)
        return float(value)

    def _found(self, path: str) -> Any:
        node, branch = self._inputs, ""
        *parents, leaf = path.split(".")
        for parent in parents:
            if branch:
                if parent != branch:
                    raise KeyError(path)
                branch = ""
                continue
            node = _child(node, parent)
            branch = getattr(node, "BRANCH", "")
        if branch:
            if leaf != getattr(node, "WHOLE", None):
                raise KeyError(path)
        elif isinstance(node, Schedule) or leaf not in getattr(node, "__dataclass_fields__", ()):
            raise KeyError(path)
        return getattr(node, leaf)

    def why_fixed(self, path: str) -> str:
        """Why no analysis moves the number at a path, as a sentence; empty: there is none."""
        why = _FIXED.get(_last_name(path), "")
        try:
            return why if why and _is_number(self._found(path)) else ""
        except KeyError:
            return ""

    def __iter__(self) -> Iterator[str]:
        return iter(self._all)

    @cached_property
    def _all(self) -> tuple[str, ...]:
        return (*numbers(self._inputs), *self.wholes())

    @cached_property
    def _by_first_name(self) -> dict[str, list[str]]:
        return _grouped(self._all, _first_name)

    @cached_property
    def _by_group(self) -> dict[str, list[str]]:
        return _grouped(self._all, _first_group)

    @cached_property
    def _by_last_name(self) -> dict[str, list[str]]:
        return _grouped(self._all, _last_name)

    def meant(self, path: str) -> tuple[list[str], int]:
        """What a caller could have meant, and how many others: the paths that end alike; else the
        likeliest, which are those in the group, that end nearly alike, or begin alike; else every
        one. Of each the ones that begin alike for longest come first.
        """
        last = _last_name(path)
        if last in self._by_last_name:
            alike = _nearest(path, self._by_last_name[last])
            return alike[:MEANT_MOST], max(len(alike) - MEANT_MOST, 0)
        beside = self._by_group.get(_first_group(path), [])
        within = [each for each in beside if each.startswith(f"{path}.")]
        near = get_close_matches(last[:_READ], self._by_last_name, 3)
        ends = _nearest(path, [each for name in near for each in self._by_last_name[name]])
        begins = [*_nearest(path, beside), *self._by_first_name.get(_first_name(path), [])]
        likely = list(dict.fromkeys((*within, *ends, *begins)))[:LIKELY_MOST]
        told = likely or list(self._all[:MEANT_MOST])
        return told, len(self._all) - len(told)

    def wholes(self) -> list[str]:
        """The paths that name what some parts come to, and none of the parts."""
        return list(_wholes(self._inputs, ""))

    def __len__(self) -> int:
        return len(self._all)


def _last_name(path: str) -> str:
    return path.rsplit(".", 1)[-1]


def _first_name(path: str) -> str:
    return path.split(".", 1)[0].split("[", 1)[0]


def _first_group(path: str) -> str:
    return path.split(".", 1)[0]


def _nearest(path: str, paths: Sequence[str]) -> list[str]:
    """Of equals the first stays first."""
    shared = (len(commonprefix((each, path))) for each in paths)  # noqa: RUF071 - letters count
    ranked = sorted(zip(shared, paths, strict=True), key=lambda each: -each[0])
    return [each for _, each in ranked]


def _grouped(paths: Sequence[str], by: Callable[[str], str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for path in paths:
        found.setdefault(by(path), []).append(path)
    return found


def _walk(node: Any, prefix: str) -> Iterator[tuple[str, float | Schedule]]:
    for name in node.__dataclass_fields__:  # inputs are dataclasses, all the way
        value = getattr(node, name)
        if name in _FIXED:
            continue
        if isinstance(value, Schedule):
            yield f"{prefix}{name}", value
        elif _is_number(value):
            yield f"{prefix}{name}", float(value)
        elif isinstance(value, tuple):
            for index, group in enumerate(value):
                yield from _walk(group, f"{prefix}{name}[{index}].")
        elif dataclasses.is_dataclass(value):
            branch = getattr(value, "BRANCH", "")
            yield from _walk(value, f"{prefix}{name}.{branch + '.' if branch else ''}")


def _wholes(node: Any, prefix: str) -> Iterator[str]:
    for name in node.__dataclass_fields__:
        value = getattr(node, name)
        if isinstance(value, tuple):
            for index, group in enumerate(value):
                if dataclasses.is_dataclass(group):
                    yield from _wholes(group, f"{prefix}{name}[{index}].")
        elif dataclasses.is_dataclass(value) and not isinstance(value, Schedule):
            whole = getattr(value, "WHOLE", "")
            if whole:
                yield f"{prefix}{name}.{whole}"
            yield from _wholes(value, f"{prefix}{name}.")


def _child(node: Any, step: str) -> Any:
    """The group under a name, or under a name and an index; None where there is none."""
    name, index = split_year(step)
    child = getattr(node, name) if name in getattr(node, "__dataclass_fields__", ()) else None
    if isinstance(child, tuple):
        return child[index] if index is not None and index < len(child) else None
    return child if index is None else None


def _is_number(value: object) -> bool:
    return isinstance(value, float | int) and not isinstance(value, bool)


COUNTED = frozenset({"years"})  # by the forecast
COMPARED = frozenset({"market_price", "opening_fixed_assets"})  # with the value; no part of it
WHOLE_YEARS = frozenset({"tenor", "year"})  # which year something falls in: no amount of anything
# Never a number that an analysis moves, and why not.
_FIXED = dict.fromkeys(
    COUNTED | WHOLE_YEARS, "This number is counted in years and is never moved by an analysis."
) | dict.fromkeys(
    COMPARED, "This number is compared with the value and no part of it: no analysis moves it."
)


def value_at(table: Table, path: str) -> float:
    """The number at a path; 0 for a whole schedule, which is moved and has no one value.

    Raises:
        InvalidInput: if no number is there, with those the caller could have meant.
    """
    name, year = split_year(path)
    found = table.get(name)
    if isinstance(found, Schedule):
        if year is None:
            return 0.0
        if year < len(found.years()):
            return float(found.years()[year])
    elif found is not None and year is None:
        return found
    fixed, meant, more = "", list(table)[:MEANT_MOST], max(len(table) - MEANT_MOST, 0)
    if isinstance(table, Names):
        fixed, (meant, more) = table.why_fixed(path), table.meant(name)
    raise InvalidInput.of(
        [
            Problem(
                path="path",
                code="UNKNOWN",
                message=fixed or f"These inputs have no number at “{path}”.",
                suggestion=f"Name one of: {', '.join(meant)}"
                + (f", or of {more:,} others." if more > 0 else "."),
            )
        ]
    )


def known(door: Door, table: Table, where: str, path: str) -> bool:
    """Whether ``path`` names a number of the inputs; if not, the door knows, under ``where``."""
    try:
        value_at(table, path)
    except InvalidInput as no:
        door.problems += [dataclasses.replace(problem, path=where) for problem in no.problems]
        return False
    return True


def schedule_at(table: Table, path: str) -> tuple[Scalar, ...] | None:
    """(n_years,) of the schedule that a path names as a whole; None where it names a number."""
    found = table.get(path)
    return found.years() if isinstance(found, Schedule) else None


def replaced(inputs: T, changes: Mapping[str, Scalar], where: str = "path") -> T:
    """The same inputs with other numbers at some paths. Paths have passed `value_at`.

    Raises:
        InvalidInput: under ``where``, if one path moves a whole and another one of its parts.
    """
    tree: dict[str, Any] = {}
    for path, value in changes.items():
        at = tree
        *parents, leaf = path.split(".")
        for parent in parents:
            at = at.setdefault(parent, {})
        at[leaf] = value
    return _replace(inputs, tree, where)


def _replace(node: T, tree: Mapping[str, Any], where: str) -> T:
    whole: str = getattr(node, "WHOLE", "")
    if whole in tree:
        if len(tree) > 1:
            raise InvalidInput.of(
                [
                    Problem(
                        path=where,
                        code="CONTRADICTION",
                        message=f"One path moves the {whole} as a whole, another one of its parts.",
                        suggestion="Move the whole, or its parts.",
                    )
                ]
            )
        return node.as_whole(tree[whole])  # type: ignore[attr-defined, no-any-return] # has a whole
    branch = getattr(node, "BRANCH", "")
    if branch and set(tree) == {branch}:
        tree = tree[branch]
    fresh: dict[str, Any] = {}
    # A year is set before its whole schedule is moved: both changes hold, in whichever order.
    for name, change in sorted(tree.items(), key=lambda item: split_year(item[0])[1] is None):
        field, year = split_year(name)
        now = fresh.get(field, getattr(node, field))
        if isinstance(now, tuple) and year is not None:
            fresh[field] = (*now[:year], _replace(now[year], change, where), *now[year + 1 :])
        elif isinstance(change, dict):
            fresh[field] = _replace(now, change, where)
        elif isinstance(now, Schedule):
            fresh[field] = now.shifted(change) if year is None else now.with_year(year, change)
        else:
            fresh[field] = change
    return dataclasses.replace(node, **fresh)  # type: ignore[type-var] # inputs are dataclasses


@lru_cache(maxsize=1_024)  # a simulation splits the same paths in every chunk
def split_year(path: str) -> tuple[str, int | None]:
    """``growth[3]`` is the schedule ``growth`` and the year 3; ``peers[3]`` the group at 3."""
    match = _INDEX.fullmatch(path)
    return (match[1], int(match[2])) if match else (path, None)
