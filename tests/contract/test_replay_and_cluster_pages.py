"""`docs/replay.md` and `docs/cluster.md` are true: words, limits and options are the program's."""

from __future__ import annotations

import importlib
import re
from typing import Final

import pytest

from api.settings import Settings
from engine import chunks
from engine.provenance import ENGINE_VERSION
from engine.sampling import CHUNK
from services import cluster, replay
from services.replay import Verdict
from services.run_work import ATTEMPTS
from tests.pages import DOCS, blocks, table, text_of

REPLAY: Final = DOCS / "replay.md"
CLUSTER: Final = DOCS / "cluster.md"


def test_the_page_tells_every_verdict_from_the_best_to_the_worst() -> None:
    told = [row[0].strip("`") for row in table(REPLAY, "verdict | what it means")]
    assert told == list(Verdict)


def test_the_page_names_todays_engine_and_its_tolerance() -> None:
    assert blocks(REPLAY, "")[0].strip() == f"valor replay --engine {ENGINE_VERSION}"
    assert (replay.RELATIVE, replay.ABSOLUTE) == (1e-12, 1e-12)
    assert "differ by 1e-12 of themselves, or by 1e-12" in text_of(REPLAY)


def test_the_page_says_how_the_work_is_cut() -> None:
    page = " ".join(text_of(CLUSTER).split())
    fewest, most = chunks.FAR_CHUNKS
    assert f"{fewest} to {most} of {CHUNK:,} trials, for a tenth of a second or more" in page
    assert chunks.FAR_TASK_S == 0.1
    assert (
        f"Twice as many tasks as there are threads, {chunks.AHEAD} to {cluster.MOST_AHEAD}, are"
        in page
    )
    megabytes = most * CHUNK * 8 / 2**20
    assert f"a task's values are {megabytes:g} MB at most" in page


def test_the_page_says_how_long_a_cluster_may_be_away() -> None:
    lost = dict(table(CLUSTER, "what is lost | what happens"))
    assert f"every worker, for {cluster.IDLE_S:g} s" in lost
    said = lost["the scheduler, or the connection to it"]
    assert f"within {cluster.LOOK_S:g} s" in said
    assert f"has {cluster.CONNECT_S:g} s to come back" in said
    still = f"after {cluster.LOOK_S + cluster.ANSWER_S:g} s the run is begun anew"
    assert lost["the scheduler stands still"] == still
    assert ATTEMPTS == 3
    assert "all of that three times" in lost


def test_the_server_takes_what_the_page_gives_it() -> None:
    script = blocks(CLUSTER, "")[2]
    given = dict(re.findall(r"(VALOR_\w+)=(\S+)", script))
    (address,) = re.findall(r"--cluster (\S+)", script)
    found = Settings.read({**given, "VALOR_CLUSTER": address}, dev=True).cluster
    assert found is not None
    assert None not in found.document().values()


@pytest.mark.parametrize("command", ["scheduler", "worker"])
def test_dask_has_the_options_that_the_page_gives_it(command: str) -> None:
    pytest.importorskip("distributed", reason="the extra `cluster` is not installed; in CI it is")
    main = importlib.import_module(f"distributed.cli.dask_{command}").main
    known = {
        option
        for parameter in main.params
        for option in (*parameter.opts, *parameter.secondary_opts)
    }
    text = blocks(CLUSTER, "")[1].replace("\\\n", " ")
    (line,) = [line for line in text.splitlines() if line.startswith(f"dask {command} ")]
    given = re.findall(r"--[a-z-]+", line)
    assert len(given) >= 5
    assert set(given) <= known
