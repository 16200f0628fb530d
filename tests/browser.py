"""A headless Chromium, spoken to through the DevTools protocol over a pipe: no port, no library.

The browser reads commands from file descriptor 3 and writes answers and events to 4, each a JSON
text that ends in a zero byte.
"""

from __future__ import annotations

import base64
import itertools
import json
import os
import select
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--no-default-browser-check",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-extensions",
    "--remote-debugging-pipe",
    "--window-size=1440,900",
)
DEADLINE_S = 60.0


def find() -> str | None:
    """The browser of this machine; VALOR_BROWSER names another."""
    named = os.environ.get("VALOR_BROWSER")
    return named or next(filter(None, map(shutil.which, NAMES)), None)


class Browser:
    """One tab, and everything that it said since it opened."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self._process = process
        self._to, self._from = process.stdin.fileno(), process.stdout.fileno()
        self._ids = itertools.count(1)
        self._rest = b""
        self._answers: dict[int, dict[str, Any]] = {}
        self._session: str | None = None
        self.events: list[dict[str, Any]] = []

    def open_tab(self) -> None:
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        attached = self.call("Target.attachToTarget", targetId=target, flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log", "Audits"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Send one command; its answer. Raises RuntimeError with the browser's own words."""
        number = next(self._ids)
        message: dict[str, Any] = {"id": number, "method": method, "params": parameters}
        if self._session is not None:
            message["sessionId"] = self._session
        os.write(self._to, json.dumps(message).encode() + b"\0")
        self._read_until(lambda: number in self._answers, f"an answer to {method}")
        answer = self._answers.pop(number)
        if "error" in answer:
            raise RuntimeError(f"{method}: {answer['error']['message']}")
        return dict(answer["result"])

    def evaluate(self, expression: str) -> Any:
        """The value of a JavaScript expression, awaited if it is a promise."""
        answer = self.call(
            "Runtime.evaluate",
            expression=expression,
            awaitPromise=True,
            returnByValue=True,
            allowUnsafeEvalBlockedByCSP=False,  # our expressions live under the policy too
        )
        if "exceptionDetails" in answer:
            raise RuntimeError(answer["exceptionDetails"]["exception"]["description"])
        return answer["result"].get("value")

    def wait_for(self, condition: str) -> Any:
        """The value of a JavaScript expression in the first painted frame in which it is true."""
        return self.evaluate(
            f"""new Promise((found, lost) => {{
                const deadline = performance.now() + {DEADLINE_S * 900};
                const look = () => {{
                    const value = {condition};
                    if (value) found(value instanceof Node ? true : value);
                    else if (performance.now() > deadline) lost(new Error({json.dumps(condition)}));
                    else requestAnimationFrame(look);
                }};
                look();
            }})"""
        )

    def visit(self, address: str) -> None:
        """Go to an address and wait for its load event."""
        seen = len(self.events)
        self.call("Page.navigate", url=address)
        self._read_until(
            lambda: any(event["method"] == "Page.loadEventFired" for event in self.events[seen:]),
            f"{address} to load",
        )

    def click(self, selector: str) -> None:
        """Press the left button in the middle of the first element that matches."""
        x, y = self.wait_for(
            f"""(() => {{
                const box = document.querySelector({json.dumps(selector)})?.getBoundingClientRect();
                return box && box.width && [box.x + box.width / 2, box.y + box.height / 2];
            }})()"""
        )
        for kind in ("mousePressed", "mouseReleased"):
            self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    def type(self, text: str) -> None:
        """Put a text where the caret is."""
        self.call("Input.insertText", text=text)

    def press(self, key: str, code: int, *, control: bool = False) -> None:
        for kind in ("rawKeyDown", "keyUp"):
            self.call(
                "Input.dispatchKeyEvent",
                type=kind,
                key=key,
                windowsVirtualKeyCode=code,
                modifiers=2 if control else 0,
                commands=["selectAll"] if control and key == "a" else [],
            )

    def screenshot(self, path: Path) -> Path:
        picture = self.call("Page.captureScreenshot", format="png")["data"]
        path.write_bytes(base64.b64decode(picture))
        return path

    def requested(self) -> list[str]:
        """Every address that the tab asked for."""
        return [
            sent["request"]["url"]
            for sent in self.of("Network.requestWillBeSent")
            if not sent["request"]["url"].startswith("data:")
        ]

    def complaints(self) -> list[str]:
        """What the console, the policy and uncaught exceptions had to say."""
        said = [
            f"{call['type']}: {[one.get('value', one.get('description')) for one in call['args']]}"
            for call in self.of("Runtime.consoleAPICalled")
            if call["type"] in {"error", "warning", "assert"}
        ]
        said += [str(thrown["exceptionDetails"]) for thrown in self.of("Runtime.exceptionThrown")]
        said += [
            f"{entry['source']}: {entry['text']}"
            for entry in (added["entry"] for added in self.of("Log.entryAdded"))
            if entry["level"] in {"error", "warning"}
        ]
        said += [
            str(issue)
            for issue in (added["issue"] for added in self.of("Audits.issueAdded"))
            if issue["code"] == "ContentSecurityPolicyIssue"
        ]
        return said

    def of(self, method: str) -> list[dict[str, Any]]:
        """What each event of one kind told, in order."""
        return [event["params"] for event in self.events if event["method"] == method]

    def _read_until(self, done: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + DEADLINE_S
        while not done():
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self._from], [], [], left)[0]:
                raise TimeoutError(f"no sign of {what} within {DEADLINE_S:g} s")
            chunk = os.read(self._from, 1 << 16)
            if not chunk:
                raise RuntimeError(f"the browser ended before {what}")
            *texts, self._rest = (self._rest + chunk).split(b"\0")
            for message in map(json.loads, texts):
                if "id" in message:
                    self._answers[message["id"]] = message
                else:
                    self.events.append(message)


@contextmanager
def browsing(executable: str, profile: Path, *flags: str) -> Iterator[Browser]:
    """A browser with a new profile and one open tab, gone when the block ends."""
    # The shell moves our two pipes to the descriptors 3 and 4 that the browser wants.
    process = subprocess.Popen(
        [
            "/bin/sh",
            "-c",
            'exec "$@" 3<&0 4>&1 0</dev/null 1>&2',
            "browser",
            executable,
            *FLAGS,
            *flags,
            f"--user-data-dir={profile}",
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        bufsize=0,
    )
    try:
        browser = Browser(process)
        browser.open_tab()
        yield browser
    finally:
        # Closing the pipe ends the browser and its children.
        for pipe in (process.stdin, process.stdout):
            assert pipe is not None
            pipe.close()
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
