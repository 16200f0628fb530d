"""One worker process, spoken to as its parent would."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest

from services.frames import Frame, packed, read_frame
from services.workers import ROOT
from tests.mirror.services.computing import LONG, expected, job


class Child:
    """A worker process and the two ends of its pipes."""

    def __init__(self, *arguments: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-P", *(arguments or ("-m", "services.worker", "2048", "2"))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": ROOT},
        )

    def send(self, frame: Frame | bytes) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(frame if isinstance(frame, bytes) else packed(frame))
        self.process.stdin.flush()

    def hear(self) -> Frame | None:
        assert self.process.stdout is not None
        return read_frame(self.process.stdout)

    def end_of(self, number: int) -> Frame:
        """The last frame of a job."""
        while (frame := self.hear()) is not None:
            if frame.get("work") == number and "progress" not in frame:
                return frame
        raise AssertionError("the worker ended")


@pytest.fixture
def child() -> Iterator[Child]:
    child = Child()
    assert child.hear() == {"ready": {"memoryLimited": True}}
    yield child
    child.process.kill()
    child.process.__exit__(None, None, None)


def asked(number: int, trials: int) -> Frame:
    return {"work": number, "task": "SIMULATION", "job": job(trials)}


def test_a_worker_answers_under_the_number_that_it_was_asked_under(child: Child) -> None:
    for number in (1, 2):
        child.send(asked(number, 1_000))
        assert child.end_of(number) == {"work": number, "done": expected(1_000)}


def test_a_job_that_is_told_to_stop_stops_and_another_number_does_not_stop_it(
    child: Child,
) -> None:
    child.send(asked(1, LONG))
    assert child.hear() is not None  # it is under way
    child.send({"stop": 7})
    child.send({"stop": 1})
    assert child.end_of(1) == {"work": 1, "stopped": True}
    child.send({"stop": 1})  # too late, and harmless
    child.send(asked(2, 1_000))
    assert child.end_of(2) == {"work": 2, "done": expected(1_000)}


def test_the_end_of_its_input_is_its_end_in_mid_work_too(child: Child) -> None:
    child.send(asked(1, LONG))
    assert child.hear() is not None
    assert child.process.stdin is not None
    child.process.stdin.close()
    assert child.process.wait(30) == 0


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_what_stops_a_server_is_not_for_its_worker(child: Child, how: signal.Signals) -> None:
    child.process.send_signal(how)
    child.send(asked(1, 1_000))
    assert child.end_of(1) == {"work": 1, "done": expected(1_000)}


def test_nonsense_ends_it(child: Child) -> None:
    child.send(b"GET / HTTP/1.1\r\n\r\n")
    assert child.process.wait(30) != 0


def test_what_is_printed_goes_to_standard_error_and_disturbs_no_answer() -> None:
    program = (
        "import sys\n"
        "from services import worker\n"
        "def chatty(job, *_):\n"
        "    print('hello', flush=True)\n"
        "    return job\n"
        "worker.TASKS['CHATTY'] = chatty\n"
        "sys.argv = ['worker', '1024', '1']\n"
        "worker.main()\n"
    )
    child = Child("-c", program)
    assert child.hear() == {"ready": {"memoryLimited": True}}
    child.send({"work": 1, "task": "CHATTY", "job": {"x": 0.1}})
    assert child.end_of(1) == {"work": 1, "done": {"x": 0.1}}
    with child.process:
        _, said = child.process.communicate()
    assert said == b"hello\n"
