"""Commands of ``valor`` in processes of their own: what they print, what they are told."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Final

ROOT: Final = Path(__file__).parents[1]
VALOR: Final = [sys.executable, "-c", "from api.terminals.cli import main; main()"]
DEADLINE_S: Final = 60.0


@dataclass
class Terminal:
    """A command that runs, and what it has printed so far."""

    process: subprocess.Popen[str]
    home: Path
    printed: dict[str, str] = field(default_factory=lambda: {"out": "", "err": ""})
    ended: set[str] = field(default_factory=set)  # streams that will print no more
    heard: threading.Condition = field(default_factory=threading.Condition)

    def listen(self, name: str, stream: IO[str]) -> None:
        for line in stream:
            with self.heard:
                self.printed[name] += line
                self.heard.notify_all()
        with self.heard:
            self.ended.add(name)
            self.heard.notify_all()

    def until(self, name: str, words: str) -> str:
        """What was printed, once it holds the words."""
        with self.heard:
            said = self.heard.wait_for(
                lambda: words in self.printed[name] or name in self.ended, DEADLINE_S
            )
            assert said, self.printed
        assert words in self.printed[name], self.printed
        return self.printed[name]

    def event(self, name: str, nth: int = 1) -> dict[str, Any]:
        """The nth line of the log with an event, once it is there."""
        with self.heard:
            self.heard.wait_for(
                lambda: len(self.events(name)) >= nth or "err" in self.ended, DEADLINE_S
            )
            assert len(self.events(name)) >= nth, self.printed
            return self.events(name)[nth - 1]

    def events(self, name: str) -> list[dict[str, Any]]:
        """The lines of the log with an event, so far."""
        lines = [line for line in self.printed["err"].splitlines() if line.endswith("}")]
        return [line for line in map(json.loads, lines) if line["event"] == name]

    def type(self, line: str) -> None:
        """A line on its standard input."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"{line}\n")
        self.process.stdin.flush()

    def close_input(self) -> None:
        """The end of its standard input, as Ctrl-D."""
        assert self.process.stdin is not None
        self.process.stdin.close()

    def whole(self, name: str) -> str:
        """All that it printed, once it has ended."""
        with self.heard:
            assert self.heard.wait_for(lambda: name in self.ended, DEADLINE_S), self.printed
        return self.printed[name]

    def interrupt(self) -> int:
        """Ctrl-C; the exit code."""
        return self.end(signal.SIGINT)

    def end(self, how: signal.Signals = signal.SIGTERM) -> int:
        """A signal; the exit code."""
        self.process.send_signal(how)
        return self.process.wait(DEADLINE_S)


def environment(home: Path, given: Mapping[str, str] | None = None) -> dict[str, str]:
    """This one, with a home and what is given as the only settings."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("VALOR_")}
    return {**clean, "VALOR_HOME": str(home), "PYTHONUNBUFFERED": "1", **(given or {})}


@contextmanager
def running(home: Path, *words: str, **given: str) -> Iterator[Terminal]:
    """A command with its words, and settings; killed at the end of the block if it still runs."""
    process = subprocess.Popen(
        [*VALOR, *words],
        cwd=ROOT,
        env=environment(home, given),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    terminal = Terminal(process, home)
    streams = {"out": process.stdout, "err": process.stderr}
    listeners = [
        threading.Thread(target=terminal.listen, args=(name, stream), daemon=True)
        for name, stream in streams.items()
        if stream is not None
    ]
    for listener in listeners:
        listener.start()
    try:
        yield terminal
    finally:
        process.kill()
        process.wait(DEADLINE_S)
        for listener in listeners:
            listener.join(DEADLINE_S)
        for stream in (process.stdin, *streams.values()):
            if stream is not None:
                stream.close()


def valor(home: Path, *words: str, **given: str) -> str:
    """What a command prints that ends well."""
    done = subprocess.run(
        [*VALOR, *words],
        cwd=ROOT,
        env=environment(home, given),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
