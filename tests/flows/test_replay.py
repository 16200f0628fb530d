"""`valor replay` as an operator runs it: a process of its own, on SQLite and on PostgreSQL."""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pytest

from engine.provenance import ENGINE_VERSION, NUMPY_VERSION
from resolvers.ids import global_id
from services.ids import new_id
from services.kinds import Output
from services.replay import Verdict
from services.run import sealed
from store.runs import RunRecord, Runs
from store.valuations import KeptValuation, Valuations
from tests.dcf_documents import firm
from tests.mirror.services.computing import expected
from tests.mirror.services.processes import asked
from tests.mirror.store.conftest import (
    place,
    postgres_place,
    postgres_roles,
    postgres_template,
    sqlite_place,
    sqlite_template,
)
from tests.mirror.store.test_runs import run as run_record
from tests.mirror.store.world import OURS, THEIRS, Place, opened, settle
from tests.older_engine import THEN, kept
from tests.terminals import ROOT, VALOR, environment

__all__ = [
    "place",
    "postgres_place",
    "postgres_roles",
    "postgres_template",
    "sqlite_place",
    "sqlite_template",
]

Done = subprocess.CompletedProcess[str]
BOTH: Final = ("--tenant", str(OURS), "--tenant", str(THEIRS))
# The command, with an entry in the list that today's engine does not have.
EXPLAINED: Final = """
from engine.changes import CHANGES, Change
CHANGES["1.0.0"] = (Change(title="Tax on the last day", why="A year ends with its last day.",
                           kinds=("DCF",), outputs=("forecast.tax",)),)
from api.terminals.cli import main
main()
"""


def kept_by_an_older_engine() -> list[KeptValuation]:
    """Six of ours: four as they were, one with another tax in two years, one with a new line."""
    firms = [firm(**{"operations.revenue": 1000.0 + more}) for more in range(6)]
    same = [kept(each) for each in firms[:3]]
    todays = kept(firms[3], engine=ENGINE_VERSION, numpy_version=NUMPY_VERSION)
    taxed = kept(firms[4], numbers={"forecast.tax[0]": 40.0, "forecast.tax[2]": 80.0})
    rounded = kept(firms[5], numbers={"wacc": 0.1 + 2**-56})
    return [*same, todays, taxed, rounded]


def fill(place: Place) -> list[KeptValuation]:
    async def keep() -> list[KeptValuation]:
        rows = kept_by_an_older_engine()
        async with opened(place.url) as database:
            await settle(database)
            for row in rows:
                await Valuations(database).keep(OURS, row)
            await Valuations(database).keep(THEIRS, kept(firm(**{"bridge.cash": 0.0})))
        return rows

    return asyncio.run(keep())


@pytest.fixture
def rows(place: Place) -> list[KeptValuation]:
    return fill(place)


def valor(place: Place, *words: str, program: str | None = None, **given: str) -> Done:
    """The command, on the test's database; ``program`` instead of it."""
    urls = {"VALOR_DATABASE_URL": place.url, "VALOR_DATABASE_OWNER_URL": place.owner_url}
    command = VALOR if program is None else [VALOR[0], "-c", program]
    return subprocess.run(
        [*command, "replay", *words],
        cwd=ROOT,
        env=environment(Path("nowhere"), urls | given),
        capture_output=True,
        text=True,
        timeout=60,
    )


def objects(done: Done) -> list[dict[str, Any]]:
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_a_number_that_changed_without_a_reason_ends_it_with_1(
    place: Place, rows: list[KeptValuation]
) -> None:
    done = valor(place, "--engine", ENGINE_VERSION, *BOTH, "--json")
    assert done.returncode == 1, done.stderr
    *changed, summary = objects(done)
    assert summary == {
        "replayed": 7,
        "tenants": 2,
        "engineVersion": ENGINE_VERSION,
        "numpyVersion": NUMPY_VERSION,
        "verdicts": {
            "IDENTICAL": 5,
            "SAME": 0,
            "ROUNDING": 1,
            "EXPLAINED": 0,
            "UNEXPLAINED": 1,
            "UNREADABLE": 0,
        },
        "runs": {"replayed": 0, "leftOut": 0, "verdicts": dict.fromkeys(Verdict, 0)},
        "sound": False,
    }
    by_id = {each["valuation"]: each for each in changed}
    assert by_id.keys() == {rows[4].id, rows[5].id}
    first, second = by_id[rows[4].id]["changes"]
    # 1,004 × 20 % × 25 % = 50.2, where an older engine had 40 and 80.
    assert (first["path"], first["kept"], first["now"]) == (
        "forecast.tax[0]",
        40.0,
        pytest.approx(50.2, rel=1e-12),
    )
    assert second["path"] == "forecast.tax[2]"
    assert first["relative"] == pytest.approx(10.2 / 40.0, rel=1e-9)
    assert second["difference"] == pytest.approx(-29.8, rel=1e-9)
    assert "7 replayed" in done.stderr


def test_a_change_with_a_reason_ends_it_with_0_and_the_reason_is_told(
    place: Place, rows: list[KeptValuation]
) -> None:
    done = valor(place, "--engine", ENGINE_VERSION, *BOTH, program=EXPLAINED)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0] == (
        f"7 valuations of 2 tenants, replayed by engine {ENGINE_VERSION} with numpy {NUMPY_VERSION}"
    )
    assert "            6  kept by engine 0.9.0 with numpy 2.4.0" in lines
    assert "            5  identical, to the bit" in lines
    assert "            1  changed, and every change is explained" in lines
    (taxes,) = [line for line in lines if line.startswith("DCF forecast.tax[]")]
    # Of the two years, the one that changed by more of itself.
    assert taxes.split()[2:7] == ["1", "80.0", "50.2", "-2.98e+01", "-3.72e-01"]
    assert taxes.endswith("1.0.0: Tax on the last day")
    assert "    A year ends with its last day." in lines


def test_one_tenant_is_replayed_without_the_others(place: Place, rows: list[KeptValuation]) -> None:
    done = valor(place, "--engine", ENGINE_VERSION, "--tenant", str(THEIRS), "--json")
    assert done.returncode == 0, done.stderr
    (summary,) = objects(done)
    assert summary["verdicts"]["IDENTICAL"] == summary["replayed"] == 1


def test_all_tenants_are_found_by_whoever_may_see_them(
    place: Place, rows: list[KeptValuation], postgres_url: str
) -> None:
    superuser = f"{postgres_url.rsplit('/', 1)[0]}/{place.url.rsplit('/', 1)[1]}"
    if place.kind == "postgresql":
        refused = valor(place, "--engine", ENGINE_VERSION)
        assert refused.returncode == 2
        assert "name them (--tenant ID" in refused.stderr
    owner = superuser if place.kind == "postgresql" else place.owner_url
    done = valor(place, "--engine", ENGINE_VERSION, "--json", VALOR_DATABASE_OWNER_URL=owner)
    assert done.returncode == 1, done.stderr
    assert objects(done)[-1]["replayed"] == 7


def test_an_auditor_replays_one_number(place: Place, rows: list[KeptValuation]) -> None:
    same, taxed = rows[0], rows[4]
    done = valor(place, "--valuation", global_id("DcfValuation", same.id), *BOTH)
    assert done.returncode == 0, done.stderr
    told = done.stdout
    assert told.count(same.result_hash) == 2
    assert "It is identical, to the bit." in told
    done = valor(place, "--valuation", taxed.id, *BOTH)
    assert done.returncode == 1
    assert taxed.result_hash in done.stdout
    (line,) = [each for each in done.stdout.splitlines() if each.startswith("forecast.tax[0]")]
    assert line.split()[1:] == ["40.0", "50.2", "+1.02e+01", "+2.55e-01", "NOT", "EXPLAINED"]


async def keep_runs(place: Place) -> list[RunRecord]:
    """Three of ours: as it was, with another mean, and one of more trials than the others."""
    rows: list[RunRecord] = []
    about = kept(firm(), engine=ENGINE_VERSION, numpy_version=NUMPY_VERSION)
    async with opened(place.url) as database:
        await Valuations(database).keep(OURS, about)
        for trials, numbers in ((1_000, {}), (1_000, {"mean": 1.0}), (5_000, {})):
            asking = asked(trials)
            row = run_record(
                id=new_id(),
                operation_id=str(new_id()),
                valuation_id=about.id,
                spec=asking.row(Output.VALUE_PER_SHARE, 10.0),
                state="DONE",
                owner=None,
                lease_until=None,
                trials=trials,
                ended_at=THEN,
            )
            done = sealed(row, {**expected(trials), **numbers})
            rows.append(replace(row, result=json.dumps(done)))
            assert await Runs(database).add(OURS, rows[-1], 9)
    return rows


def test_runs_are_computed_again_within_a_limit_of_trials(
    place: Place, rows: list[KeptValuation]
) -> None:
    same, other, long = asyncio.run(keep_runs(place))
    done = valor(place, "--engine", ENGINE_VERSION, *BOTH, "--json", "--run-trials", "2500")
    assert done.returncode == 1, done.stderr
    *changed, summary = objects(done)
    assert (summary["runs"]["replayed"], summary["runs"]["leftOut"]) == (2, 1)
    assert summary["runs"]["verdicts"]["IDENTICAL"] == 1
    (told,) = [each for each in changed if "run" in each]
    assert (told["run"], told["kind"]) == (str(other.id), "DCF simulation")
    (change,) = told["changes"]
    assert (change["path"], change["kept"], change["now"]) == ("mean", 1.0, expected(1_000)["mean"])

    told_lines = valor(place, "--engine", ENGINE_VERSION, *BOTH).stdout.splitlines()
    assert "3 runs, computed again" in told_lines
    (line,) = [each for each in told_lines if each.startswith("DCF simulation mean")]
    assert line.endswith("NOT EXPLAINED")

    for run, code in ((global_id("Run", str(same.id)), 0), (str(other.id), 1), (str(long.id), 0)):
        done = valor(place, "--run", run, *BOTH)
        assert done.returncode == code, done.stderr
        assert done.stdout.startswith("DCF simulation ")
    assert str(other.id) not in valor(place, "--run", str(same.id), *BOTH).stdout


def test_another_tenants_run_is_not_found(sqlite_place: Place) -> None:
    fill(sqlite_place)
    (same, *_) = asyncio.run(keep_runs(sqlite_place))
    done = valor(sqlite_place, "--run", str(same.id), "--tenant", str(THEIRS))
    assert done.returncode == 2
    assert "No such run is kept with a result." in done.stderr


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ((), "Name the engine"),
        (("--run", "nonsense"), "nonsense is no run's id."),
        (("--run", global_id("DcfValuation", "0" * 64)), "is no run's id."),
        (("--run", "0" * 8 + "-0000-7000-8000-" + "0" * 12, *BOTH), "No such run is kept"),
        (("--engine", ENGINE_VERSION, "--run-trials", "-1"), "--run-trials"),
        (("--engine", "9.9.9"), f"The engine that is installed is {ENGINE_VERSION}, not 9.9.9"),
        (("--valuation", "nonsense"), "nonsense is no valuation's id."),
        (("--valuation", "0" * 64, *BOTH), "No such valuation is kept."),
        (("--engine", ENGINE_VERSION, "--tenant", "nobody"), "is not a valid UUID"),
    ],
)
def test_what_cannot_be_replayed_ends_with_2_and_says_why(
    sqlite_place: Place, words: tuple[str, ...], says: str
) -> None:
    done = valor(sqlite_place, *words)
    assert done.returncode == 2
    assert says in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("sqlite:///nowhere/none.db", "The database's schema is behind this version."),
        ("postgresql://nobody@127.0.0.1:1/none", "The database is away."),
        ("nonsense", "VALOR_DATABASE_URL is neither"),
    ],
)
def test_a_database_that_is_not_there_ends_it_with_2(
    sqlite_place: Place, url: str, says: str
) -> None:
    done = valor(sqlite_place, "--engine", ENGINE_VERSION, VALOR_DATABASE_URL=url)
    assert done.returncode == 2
    assert says in done.stderr
    assert not Path("nowhere").exists()


# Ctrl-C comes while the command is imported, or in the midst of its work.
INTERRUPTED: Final = """
import builtins, signal
from api.terminals import cli
from services import replay_runs
{where}
cli.main()
"""
WHILE_IMPORTING: Final = """
load = builtins.__import__
def interrupted(name, *given, **named):
    if name == "api.terminals":
        raise KeyboardInterrupt
    return load(name, *given, **named)
builtins.__import__ = interrupted
"""
AT_WORK: Final = """
import services.replay
value = services.replay.replay
def interrupted(kept):
    services.replay.replay = value  # once
    signal.raise_signal(signal.SIGINT)
    return value(kept)
services.replay.replay = interrupted
"""


@pytest.mark.parametrize("where", [WHILE_IMPORTING, AT_WORK], ids=["importing", "at work"])
def test_control_c_does_not_say_that_a_number_changed(sqlite_place: Place, where: str) -> None:
    fill(sqlite_place)
    done = valor(sqlite_place, "--engine", ENGINE_VERSION, program=INTERRUPTED.format(where=where))
    assert done.returncode == 130, done.stderr
    assert "Traceback" not in done.stderr
    assert "Aborted" not in done.stderr


def test_nothing_is_written(sqlite_place: Place, tmp_path: Path) -> None:
    fill(sqlite_place)
    file = Path(sqlite_place.url.removeprefix("sqlite:///"))
    before = file.read_bytes()
    copy = Path(shutil.copy(file, tmp_path / "copy.db"))
    assert valor(sqlite_place, "--engine", ENGINE_VERSION).returncode == 1
    assert file.read_bytes() == before == copy.read_bytes()


@pytest.fixture(scope="module", autouse=True)
def _left_nothing() -> Iterator[None]:
    yield
    assert not (ROOT / "nowhere").exists()
