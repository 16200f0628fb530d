"""Several server processes on one socket: they start, live, die and stop as one."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import pytest

from api.keys import make_keys
from tests import waiting
from tests.dcf_documents import WORTH_A_SHARE, firm
from tests.served import http, in_time
from tests.terminals import ROOT, VALOR, environment, running
from tests.two_workers import TwoWorkers, serving_two, two_workers

__all__ = ["two_workers"]

DEADLINE_S = 60.0
wait_until = partial(waiting.wait_until, deadline_s=DEADLINE_S)
VALUE = """mutation ($input: DcfInput!) { valueDcf(input: $input) {
  ... on DcfValuation { id valuePerShare } } }"""


def is_gone(pid: int) -> bool:
    """Whether a process runs no more: a dead one without a parent may wait to be noticed."""
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def refuses(origin: str) -> bool:
    address = urlsplit(origin)
    try:
        socket.create_connection(
            (str(address.hostname), int(address.port or 0)), DEADLINE_S
        ).close()
    except ConnectionRefusedError:
        return True
    except ConnectionResetError:  # it closed while this one waited in line
        return False
    return False


def in_flight(origin: str) -> int:
    """Requests that a worker serves, this one among them."""
    with http() as client:
        metrics = client.get(f"{origin}/metrics").text
    (line,) = (each for each in metrics.splitlines() if each.startswith("valor_http_requests_in"))
    return int(float(line.split()[1]))


def test_each_worker_answers_at_an_address_of_its_own(two_workers: TwoWorkers) -> None:
    pids = {two_workers.pid(0), two_workers.pid(1)}
    assert len(pids) == 2
    assert two_workers.terminal.process.pid not in pids
    with http() as client:
        for origin in two_workers.workers:
            in_time(client, f"{origin}/health/ready")
            assert "valor_" in client.get(f"{origin}/metrics").text


def test_the_shared_socket_is_answered_by_one_of_them(two_workers: TwoWorkers) -> None:
    with http() as client:
        pid = client.get(f"{two_workers.origin}/system/metrics").json()["process"]["pid"]
    assert pid in {two_workers.pid(0), two_workers.pid(1)}


def test_one_token_is_good_at_both_and_what_one_keeps_the_other_finds(
    two_workers: TwoWorkers,
) -> None:
    with two_workers.caller(0) as one, two_workers.caller(1) as other:
        kept = one.data(VALUE, {"input": firm()})["valueDcf"]
        assert kept["valuePerShare"] == WORTH_A_SHARE
        found = other.data("query ($id: ID!) { valuation(id: $id) { id } }", {"id": kept["id"]})
    assert found["valuation"]["id"] == kept["id"]


def test_it_prints_what_prometheus_is_to_scrape(two_workers: TwoWorkers) -> None:
    targets = ", ".join(f'"{urlsplit(origin).netloc}"' for origin in two_workers.workers)
    assert two_workers.terminal.until("out", "\n") == f'[{{"targets": [{targets}]}}]\n'


def test_every_line_of_a_log_says_which_worker_wrote_it(two_workers: TwoWorkers) -> None:
    serving = two_workers.terminal.events("serving")
    assert sorted(line["worker"] for line in serving) == [1, 2]


@pytest.mark.parametrize("how", [{}, {"VALOR_WORKERS": "2"}], ids=["an option", "a variable"])
def test_several_workers_without_redis_are_refused_with_what_to_do(
    tmp_path: Path, how: dict[str, str]
) -> None:
    words = ["serve", "--dev", "--port", "0", *([] if how else ["--workers", "2"])]
    done = subprocess.run(
        [*VALOR, *words], cwd=ROOT, env=environment(tmp_path, how), capture_output=True, text=True
    )
    assert done.returncode == 1
    assert done.stdout == ""
    assert "VALOR_REDIS_URL is not set, and 2 workers meet nowhere else" in done.stderr
    assert "--workers 1" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "keys").exists()


def test_a_worker_that_is_killed_is_started_again_in_its_place(
    tmp_path: Path, redis_url: str
) -> None:
    with serving_two(tmp_path, redis_url) as both:
        for nth, again_in_s in ((1, 1.0), (2, 2.0)):  # the second time it waits longer
            victim, other = both.pid(0), both.pid(1)
            os.kill(victim, signal.SIGKILL)
            line = both.terminal.event("worker ended", nth)
            assert (line["worker"], line["exit_code"]) == (1, -signal.SIGKILL)
            assert line["again_in_s"] == again_in_s
            # Its address stays, so who asks there waits in line until it is back.
            assert both.pid(0) not in {victim, other}
            assert both.pid(1) == other
            with both.caller(0) as caller:  # by a token of before
                assert caller.data("{ viewer { role } }")["viewer"]["role"] == "ANALYST"
        assert both.terminal.end() == 0


def test_a_stop_ends_all_of_them_and_the_socket(tmp_path: Path, redis_url: str) -> None:
    with serving_two(tmp_path, redis_url) as both:
        pids = both.pid(0), both.pid(1)
        assert both.terminal.end(signal.SIGTERM) == 0
        assert all(map(is_gone, pids))
        assert all(map(refuses, (both.origin, *both.workers)))
        closed = [line for line in both.terminal.events("stopping") if line["step"] == "database"]
        assert sorted(line["worker"] for line in closed) == [1, 2]
        assert both.terminal.events("worker ended") == []


def test_ctrl_c_says_so_in_the_exit_code(tmp_path: Path, redis_url: str) -> None:
    with serving_two(tmp_path, redis_url) as both:
        pids = both.pid(0), both.pid(1)
        # A terminal sends it to a whole group: the workers must not hear it twice.
        groups = {os.getpgid(pid) for pid in (*pids, both.terminal.process.pid)}
        assert len(groups) == 3
        assert both.terminal.interrupt() == 130
        assert all(map(is_gone, pids))
        assert "Traceback" not in both.terminal.printed["err"]


def test_a_second_ctrl_c_waits_for_no_request(tmp_path: Path, redis_url: str) -> None:
    with serving_two(tmp_path, redis_url) as both:
        pids = both.pid(0), both.pid(1)
        address = urlsplit(both.workers[0])
        with socket.create_connection((str(address.hostname), int(address.port or 0))) as slow:
            slow.sendall(
                b"POST /graphql HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
                b"authorization: Bearer %b\r\ncontent-length: 100\r\n\r\n{" % both.token().encode()
            )
            wait_until("the request is under way", lambda: in_flight(both.workers[0]) == 2)
            both.terminal.process.send_signal(signal.SIGINT)
            wait_until("the other one is gone", lambda: is_gone(pids[1]))
            assert not is_gone(pids[0])  # it waits for the request, and nobody for others
            places = (both.origin, *both.workers)
            wait_until("nobody is let in", lambda: all(map(refuses, places)))
            began = time.monotonic()
            assert both.terminal.interrupt() == 130
            assert time.monotonic() - began < 15.0  # of 20 s that a request would have had
        assert is_gone(pids[0])


def test_workers_whose_supervisor_was_killed_end_themselves(tmp_path: Path, redis_url: str) -> None:
    with serving_two(tmp_path, redis_url) as both:
        pids = both.pid(0), both.pid(1)
        both.terminal.process.kill()
        for pid in pids:
            wait_until("an orphan ends", lambda pid=pid: is_gone(pid))  # type: ignore[misc] # a lambda
        assert all(map(refuses, (both.origin, *both.workers)))


def test_a_worker_that_cannot_start_ends_all_and_says_why_once(
    tmp_path: Path, redis_url: str
) -> None:
    make_keys(tmp_path / "production-keys")
    words = ("serve", "--port", "0", "--workers", "2")
    given = {"VALOR_REDIS_URL": redis_url, "VALOR_KEYS": str(tmp_path / "production-keys")}
    with running(tmp_path, *words, **given) as terminal:
        assert terminal.whole("err").count("The database is away. Check") == 1
        assert terminal.process.wait(DEADLINE_S) == 1
        assert terminal.whole("out") == ""


def test_a_port_that_is_taken_is_a_no(tmp_path: Path, two_workers: TwoWorkers) -> None:
    port = str(urlsplit(two_workers.origin).port)
    given = {"VALOR_REDIS_URL": str(two_workers.settings.redis_url)}
    with running(tmp_path, "serve", "--dev", "--port", port, "--workers", "2", **given) as second:
        second.until("err", "cannot be listened on")
        assert second.process.wait(DEADLINE_S) == 1
    with http() as client:
        in_time(client, f"{two_workers.origin}/health/live")
