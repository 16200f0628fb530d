from __future__ import annotations

import asyncio
import contextvars
import io
import json
import logging
from typing import Any

import pytest

from observability.logs import Logs, bind, bound

pytestmark = pytest.mark.anyio


def lines(stream: io.BytesIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_line_is_json_with_its_time_level_and_logger() -> None:
    stream = io.BytesIO()
    Logs(stream=stream).get("services.valuations").info("valued", kind="DCF", duration_ms=0.4)
    (line,) = lines(stream)
    assert line["event"] == "valued"
    assert (line["level"], line["logger"]) == ("info", "services.valuations")
    assert (line["kind"], line["duration_ms"]) == ("DCF", 0.4)
    assert line["timestamp"].endswith("Z")


def test_what_is_below_the_level_is_not_written() -> None:
    stream = io.BytesIO()
    log = Logs("warning", stream=stream).get("a")
    log.debug("a")
    log.info("b")
    log.warning("c")
    log.error("d")
    assert [line["event"] for line in lines(stream)] == ["c", "d"]


def test_a_level_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="'LOUD' is none of DEBUG"):
        Logs("LOUD")


async def test_the_context_of_one_request_is_on_its_lines_and_on_no_others() -> None:
    stream = io.BytesIO()
    log = Logs(stream=stream).get("a")
    both_in = asyncio.Barrier(2)

    async def request(name: str) -> None:
        bind(request_id=name)
        bind(tenant="t" + name)
        await both_in.wait()
        log.info("served")

    await asyncio.gather(request("1"), request("2"))
    log.info("idle")
    told = sorted((line.get("request_id"), line.get("tenant")) for line in lines(stream)[:2])
    assert told == [("1", "t1"), ("2", "t2")]
    assert "request_id" not in lines(stream)[2]


def test_a_block_may_have_a_context_of_its_own() -> None:
    stream = io.BytesIO()
    log = Logs(stream=stream).get("a")
    with bound(operation="Query.viewer"):
        log.info("in", operation="Query.tenant")
        log.info("in")
    log.info("out")
    told = [line.get("operation") for line in lines(stream)]
    assert told == ["Query.tenant", "Query.viewer", None]


def test_secrets_and_inputs_are_not_written_wherever_they_are() -> None:
    stream = io.BytesIO()
    log = Logs(stream=stream).get("a")

    def request() -> None:
        bind(authorization="Bearer hunter2-hunter2")
        log.warning(
            "refused Bearer hunter2-hunter2",
            headers={"cookie": "hunter2"},
            variables={"input": {"growth": "hunter2"}},
            url="redis://:hunter2@cache",
        )

    contextvars.copy_context().run(request)
    assert b"hunter2" not in stream.getvalue()
    assert len(lines(stream)) == 1


def test_an_exception_is_fields_with_frames_and_without_locals() -> None:
    stream = io.BytesIO()
    log = Logs(stream=stream).get("a")
    growth = "hunter2"  # stands in a frame that is logged
    try:
        raise KeyError("password=hunter2")
    except KeyError:
        log.exception("failed", error_id="7")
    (line,) = lines(stream)
    (raised,) = line["exception"]
    assert raised["exc_type"] == "KeyError"
    assert raised["frames"][-1]["name"].endswith("without_locals")
    assert growth not in stream.getvalue().decode()
    assert (line["level"], line["error_id"]) == ("error", "7")


def test_what_json_does_not_know_is_written_as_text() -> None:
    stream = io.BytesIO()
    Logs(stream=stream).get("a").info("odd", what=object, share=float("nan"), lone="\ud800")
    (line,) = lines(stream)
    assert line["what"] == "<class 'object'>"
    assert line["share"] is None


def test_a_console_is_for_people_and_hides_as_much() -> None:
    stream = io.BytesIO()
    log = Logs(console=True, stream=stream).get("a")
    try:
        raise KeyError("x")
    except KeyError:
        log.exception("failed", token="hunter2")
    text = stream.getvalue().decode()
    assert "failed" in text
    assert "KeyError: 'x'" in text
    assert "hunter2" not in text
    assert not text.startswith("{")


def test_two_pipelines_in_one_process_do_not_mix() -> None:
    one, other = io.BytesIO(), io.BytesIO()
    Logs(stream=one).get("a").info("one")
    Logs("ERROR", stream=other).get("a").info("other")
    assert [line["event"] for line in lines(one)] == ["one"]
    assert other.getvalue() == b""


def test_what_libraries_write_goes_the_same_way_until_it_is_released() -> None:
    stream = io.BytesIO()
    before = logging.getLogger().handlers[:]
    release = Logs(stream=stream).adopt()
    try:
        logging.getLogger("uvicorn.error").info("Started server process [%d]", 7)
        logging.getLogger("uvicorn.access").info(
            '%s - "%s %s HTTP/%s" %d',
            "127.0.0.1:1",
            "GET",
            "/graphql?query=hunter2",
            "1.1",
            200,
        )
        logging.getLogger("asyncio").debug("quiet")
        try:
            raise OSError("gone")
        except OSError:
            logging.getLogger("strawberry.execution").error("in { value(growth: hunter2) }")
            logging.getLogger("some.library").exception("lost password=%s", "hunter2")
    finally:
        release()
    logging.getLogger("uvicorn.error").info("after")

    started, access, lost = lines(stream)
    assert (started["event"], started["logger"]) == ("Started server process [7]", "uvicorn.error")
    assert (access["event"], access["path"], access["status"]) == ("request", "/graphql", 200)
    assert (access["method"], access["client"]) == ("GET", "127.0.0.1:1")
    assert lost["exception"][0]["exc_type"] == "OSError"
    assert "hunter2" not in stream.getvalue().decode()
    assert logging.getLogger().handlers == before
