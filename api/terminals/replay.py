"""`valor replay`: which kept numbers the installed engine gives again, and which it does not."""

from __future__ import annotations

import json
import os
import re
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from time import monotonic
from typing import Any, Final
from uuid import UUID

from api.settings import Settings
from engine.provenance import ENGINE_VERSION, NUMPY_VERSION
from resolvers.ids import inner_id, type_of
from services.errors import NotFound
from services.replay import (
    RELATIVE,
    How,
    Line,
    Replayed,
    Tally,
    Verdict,
    replay,
    replay_all,
)
from services.replay_runs import KeptRun, replay_runs, replay_told
from store.all_tenants import all_tenants
from store.database import Database
from store.errors import AccessRefused
from store.runs import Runs
from store.valuations import Valuations

Say = Callable[[str], None]
TOLD_S: Final = 2.0  # between two signs of life

_HASH: Final = re.compile(r"[0-9a-f]{64}")
_UUID: Final = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_WORDS: Final = {
    Verdict.IDENTICAL: "identical, to the bit",
    Verdict.SAME: "the same in every number, with lines that are new",
    Verdict.ROUNDING: f"the same within rounding ({RELATIVE:g})",
    Verdict.EXPLAINED: "changed, and every change is explained",
    Verdict.UNEXPLAINED: "changed WITHOUT an explanation",
    Verdict.UNREADABLE: "could not be replayed",
}
_MARKS: Final = {
    How.NEW: "new line",
    How.ROUNDING: "rounding",
    How.UNEXPLAINED: "NOT EXPLAINED",
}


class CannotReplay(Exception):
    """Why nothing was replayed, and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What is to be replayed."""

    engine: str | None  # the version that must be installed
    tenants: Sequence[UUID]  # none: all
    valuation: str | None  # a global id, or the 64 digits in it; None: all
    run: str | None  # a global id, or the UUID in it; None: all
    run_trials: int  # of each tenant's runs, the newest first

    def check(self) -> None:
        """
        Raises:
            CannotReplay: if another engine is meant than the one that is here.
        """
        if self.engine is not None and self.engine != ENGINE_VERSION:
            raise CannotReplay(
                f"The engine that is installed is {ENGINE_VERSION}, not {self.engine}. Install the "
                "version that you ask about, then run this again."
            )


async def run(settings: Settings, asked: Asked, out: Say, note: Say, *, as_json: bool) -> bool:
    """Replay, and tell; whether every number is as it was kept, or explained.

    ``out`` is for what was found, ``note`` for how far it has come. Nothing is written to the
    database, and a few hundred rows are in memory at a time.

    Raises:
        CannotReplay, DatabaseAway, DatabaseBusy.
    """
    asked.check()
    database = Database.open(settings.database_url)
    try:
        if await database.behind():
            raise CannotReplay(
                "The database's schema is behind this version. Run `valor migrate` on a copy of "
                "it, or on the database itself, then run this again."
            )
        tenants = asked.tenants or await _everybody(settings)
        kept, runs = Valuations(database), Runs(database)
        with ThreadPoolExecutor(os.cpu_count()) as crew:
            if asked.valuation is not None or asked.run is not None:
                return await _these(kept, runs, tenants, asked, crew, out, as_json=as_json)
            began = monotonic()
            found = await _all(_each(kept, tenants), "valuations", out, note, as_json=as_json)
            simulated = await _all(
                _each_run(runs, kept, tenants, asked.run_trials, crew),
                "runs",
                out,
                note,
                as_json=as_json,
            )
    finally:
        await database.close()
    both = found.tally.replayed + simulated.tally.replayed
    note(f"{both:,} replayed in {monotonic() - began:.1f} s")
    if as_json:
        out(_summary(found.tally, simulated, len(tenants)))
    else:
        for line in report(found.tally, len(tenants)):
            out(line)
        for line in report_runs(simulated, asked.run_trials):
            out(line)
    return found.tally.sound and simulated.tally.sound


@dataclass(slots=True)
class Found:
    """What came of all of one sort."""

    tally: Tally = field(default_factory=Tally)
    beyond: int = 0  # left out, since they would take too long


async def _all(
    each: AsyncIterator[Replayed | None], noun: str, out: Say, note: Say, *, as_json: bool
) -> Found:
    found, told = Found(), monotonic()
    tally = found.tally
    async for replayed in each:
        if replayed is None:
            found.beyond += 1
            continue
        tally.add(replayed)
        if as_json and replayed.verdict is not Verdict.IDENTICAL:
            out(_json(replayed))
        if monotonic() - told > TOLD_S:
            told = monotonic()
            note(f"{tally.replayed:,} {noun} replayed, {_differing(tally):,} not identical")
    return found


async def _these(
    kept: Valuations,
    runs: Runs,
    tenants: Iterable[UUID],
    asked: Asked,
    crew: Executor,
    out: Say,
    *,
    as_json: bool,
) -> bool:
    """The valuation and the run that are asked about, told in full."""
    found: list[Replayed] = []
    if asked.valuation is not None:
        found += await _one(kept, tenants, _address(asked.valuation))
    if asked.run is not None:
        found += await _one_run(runs, kept, tenants, _run_id(asked.run), crew)
    for each in found:
        for line in [_json(each)] if as_json else one(each):
            out(line)
    return all(_sound(each) for each in found)


async def _everybody(settings: Settings) -> list[UUID]:
    try:
        return await all_tenants(settings.database_owner_url)
    except AccessRefused:
        raise CannotReplay(
            "PostgreSQL shows this role one tenant at a time: name them (--tenant ID, as often as "
            "there are), or set VALOR_DATABASE_OWNER_URL to a role that sees all of them."
        ) from None


def _address(given: str) -> str:
    """
    Raises:
        CannotReplay: if no valuation can have this id.
    """
    if _HASH.fullmatch(given):
        return given
    try:
        inner = inner_id(type_of(given), given)
    except NotFound:
        inner = ""
    if not _HASH.fullmatch(inner):
        raise CannotReplay(f"{given} is no valuation's id.")
    return inner


async def _one(kept: Valuations, tenants: Iterable[UUID], address: str) -> list[Replayed]:
    rows = [await kept.find(tenant, address) for tenant in tenants]
    found = [replay(row) for row in rows if row is not None]
    if not found:
        raise CannotReplay("No such valuation is kept. Look at the id, and at the tenant.")
    return found


def _run_id(given: str) -> UUID:
    """
    Raises:
        CannotReplay: if no run can have this id.
    """
    with suppress(ValueError, NotFound):
        return UUID(given if _UUID.fullmatch(given) else inner_id("Run", given))
    raise CannotReplay(f"{given} is no run's id.")


async def _one_run(
    runs: Runs, kept: Valuations, tenants: Iterable[UUID], run_id: UUID, crew: Executor
) -> list[Replayed]:
    found = [(tenant, await runs.find(tenant, run_id)) for tenant in tenants]
    done = [(tenant, run) for tenant, run in found if run is not None and run.result is not None]
    if not done:
        raise CannotReplay("No such run is kept with a result. Look at the id, and at the tenant.")
    return [await replay_told(run, kept, tenant, crew) for tenant, run in done]


async def _each_run(
    runs: Runs, kept: Valuations, tenants: Iterable[UUID], most_trials: int, crew: Executor
) -> AsyncIterator[Replayed | None]:
    for tenant in tenants:
        async for replayed in replay_runs(runs, kept, tenant, most_trials, crew):
            yield replayed


async def _each(kept: Valuations, tenants: Iterable[UUID]) -> AsyncIterator[Replayed]:
    for tenant in tenants:
        async for replayed in replay_all(kept, tenant):
            yield replayed


def _sound(replayed: Replayed) -> bool:
    return replayed.verdict not in (Verdict.UNEXPLAINED, Verdict.UNREADABLE)


def _differing(tally: Tally) -> int:
    return tally.replayed - tally.verdicts[Verdict.IDENTICAL]


# For people


def report(tally: Tally, tenants: int) -> Iterator[str]:
    """What came of all of them: how many of each sort, and a table of what changed."""
    yield (
        f"{_count(tally.replayed, 'valuation')} of {_count(tenants, 'tenant')}, replayed by engine "
        f"{ENGINE_VERSION} with numpy {NUMPY_VERSION}"
    )
    yield from _body(tally)


def report_runs(found: Found, most_trials: int) -> Iterator[str]:
    """The same of the runs, where there are any."""
    if not (found.tally.replayed or found.beyond):
        return
    yield ""
    yield f"{_count(found.tally.replayed, 'run')}, computed again"
    if found.beyond:
        yield (
            f"  {found.beyond:>11,}  left out: beyond the {most_trials:,} trials for each tenant "
            "(--run-trials N)"
        )
    yield from _body(found.tally)


def _body(tally: Tally) -> Iterator[str]:
    for (engine, numpy), count in sorted(tally.kept_by.items()):
        yield f"  {count:>11,}  kept by engine {engine} with numpy {numpy}"
    yield ""
    for verdict, count in tally.verdicts.items():
        if count or verdict is Verdict.IDENTICAL:
            yield f"  {count:>11,}  {_WORDS[verdict]}"
    if tally.places:
        yield ""
        yield _row("number", "valuations", "kept", "now", "difference", "relative", "why")
    order = list(How)
    for (kind, path, how, _), worst in sorted(
        tally.places.items(), key=lambda item: (-order.index(item[0][2]), item[0][:2])
    ):
        line = worst.line
        yield _row(f"{kind} {path}", f"{worst.valuations:,}", *_figures(line), _why(line))
        if how is How.UNEXPLAINED:
            yield f"    the most in {worst.valuation_id}, at {line.path or path}"
    for title, why in sorted(_reasons(worst.line for worst in tally.places.values())):
        yield ""
        yield title
        yield f"    {why}"
    for problem, (first, count) in tally.problems.items():
        yield ""
        yield f"{count:,} could not be replayed, {first} the first: {problem}"


def one(replayed: Replayed) -> Iterator[str]:
    """One valuation: both hashes, and every number that is another one."""
    kept = replayed.kept
    yield (
        f"{kept.kind} {kept.id}"
        if isinstance(kept, KeptRun)
        else f"{kept.kind} valuation {kept.id}"
    )
    yield (
        f"kept      {kept.result_hash}  by engine {kept.engine_version} with numpy "
        f"{kept.numpy_version}, {kept.computed_at:%Y-%m-%d %H:%M:%S} UTC"
    )
    yield (
        f"replayed  {replayed.result_hash or 'no result':<64}  by engine {ENGINE_VERSION} with "
        f"numpy {NUMPY_VERSION}"
    )
    yield replayed.problem or f"It is {_WORDS[replayed.verdict]}."
    if replayed.lines:
        yield ""
        yield _row("number", "", "kept", "now", "difference", "relative", "why")
    for line in replayed.lines:
        yield _row(line.path, "", *_figures(line), _why(line))
    for title, why in sorted(_reasons(replayed.lines)):
        yield ""
        yield title
        yield f"    {why}"


def _row(path: str, count: str, kept: str, now: str, by: str, share: str, why: str) -> str:
    counted = f"{count:>10}" if count else ""
    return f"{path:<44}{counted}{kept:>25}{now:>25}{by:>12}{share:>11}  {why}".rstrip()


def _figures(line: Line) -> tuple[str, str, str, str]:
    if line.how is How.NEW:
        return "", _short(line.now), "", ""
    by, share = line.difference, line.relative
    return (
        _short(line.kept),
        _short(line.now),
        "" if by is None else f"{by:+.2e}",
        "" if share is None else f"{share:+.2e}",
    )


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 24 else f"{text[:22]} …"


def _why(line: Line) -> str:
    return f"{line.version}: {line.change.title}" if line.change else _MARKS[line.how]


def _reasons(lines: Iterable[Line]) -> set[tuple[str, str]]:
    return {(_why(line), line.change.why) for line in lines if line.change is not None}


def _count(count: int, noun: str) -> str:
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


# For programs: one JSON object a line


def _json(replayed: Replayed) -> str:
    kept = replayed.kept
    return json.dumps(
        {
            "run" if isinstance(kept, KeptRun) else "valuation": kept.id,
            "kind": kept.kind,
            "engineVersion": kept.engine_version,
            "numpyVersion": kept.numpy_version,
            "verdict": replayed.verdict.value,
            "keptHash": kept.result_hash,
            "replayedHash": replayed.result_hash,
            "problem": replayed.problem,
            "changes": [
                {
                    "path": line.path,
                    "kept": line.kept,
                    "now": line.now,
                    "difference": line.difference,
                    "relative": line.relative,
                    "how": line.how.value,
                    "since": line.version,
                    "why": line.change.title if line.change else None,
                }
                for line in replayed.lines
            ],
        },
        ensure_ascii=False,
    )


def _summary(tally: Tally, runs: Found, tenants: int) -> str:
    return json.dumps(
        {
            "replayed": tally.replayed,
            "tenants": tenants,
            "engineVersion": ENGINE_VERSION,
            "numpyVersion": NUMPY_VERSION,
            "verdicts": {verdict.value: count for verdict, count in tally.verdicts.items()},
            "runs": {
                "replayed": runs.tally.replayed,
                "leftOut": runs.beyond,
                "verdicts": {each.value: count for each, count in runs.tally.verdicts.items()},
            },
            "sound": tally.sound and runs.tally.sound,
        }
    )
