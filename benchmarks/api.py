"""`valueDcf` over HTTP: server CPU for each request, beside plain Strawberry and a static answer.

    python3 dev.py bench api [--requests N] [--rounds N]

Ours does everything that it does for a user: proves the token, checks and values the inputs (new
ones each time), keeps the valuation in SQLite with a durable commit, computes a 25 × 25 grid. The
peer answers the same content from memory. Rounds alternate between the servers, so that a busy
machine is busy for all of them; quote the ratios.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import orjson
import psutil

from benchmarks.lifted import lift

ROOT = Path(__file__).resolve().parent.parent
OURS = """mutation Value($input: DcfInput!, $rows: AxisInput!, $columns: AxisInput!) {
  valueDcf(input: $input) { __typename
    ... on Refusal { code message issues { path message } }
    ... on DcfValuation { id enterpriseValue equityValue valuePerShare wacc terminalValue
      forecast { revenue ebitda depreciation ebit tax nopat capitalExpenditure workingCapital
        increaseInWorkingCapital freeCashFlow discountFactor presentValue }
      sensitivity(rows: $rows, columns: $columns) { ... on Sensitivity { values } } } } }"""
SMALL = """mutation Value($input: DcfInput!) { valueDcf(input: $input) { __typename
  ... on Refusal { code message } ... on DcfValuation { id enterpriseValue valuePerShare } } }"""
PEERS = """mutation Value($input: ValuationInput!) { valueDcf(input: $input) { __typename
  id enterpriseValue equityValue valuePerShare wacc terminalValue
  forecast { revenue ebitda depreciation ebit tax nopat capitalExpenditure workingCapital
    increaseInWorkingCapital freeCashFlow discountFactor presentValue }
  grid } }"""
PEERS_SMALL = """mutation Value($input: ValuationInput!) { valueDcf(input: $input) {
  __typename id enterpriseValue valuePerShare } }"""
SIDE = 25
CONNECTIONS = 8


@dataclass
class Server:
    """One server process."""

    name: str
    process: subprocess.Popen[bytes]
    port: int
    token: str = ""
    cpu_us: dict[str, list[float]] = field(default_factory=dict)

    def ask(self, body: bytes) -> bytes:
        """One request on a connection of its own."""
        return asyncio.run(self._ask_all([body]))[0]

    def ask_all(self, bodies: Sequence[bytes]) -> None:
        """Every request, over as many connections as a few users have."""

        async def shared() -> None:
            shares = [bodies[first::CONNECTIONS] for first in range(CONNECTIONS)]
            await asyncio.gather(*(self._ask_all(share) for share in shares))

        asyncio.run(shared())

    async def _ask_all(self, bodies: Sequence[bytes]) -> list[bytes]:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        answers = []
        for body in bodies:
            head = (
                "POST /graphql HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n"
                f"authorization: Bearer {self.token}\r\ncontent-length: {len(body)}\r\n\r\n"
            )
            writer.write(head.encode() + body)
            answered = await reader.readuntil(b"\r\n\r\n")
            length = re.search(rb"content-length: (\d+)", answered, re.IGNORECASE)
            rest = await reader.readexactly(int(length[1])) if length else b""
            if not answered.startswith(b"HTTP/1.1 200"):
                raise RuntimeError(f"{self.name}: {answered!r} {rest[:500]!r}")
            answers.append(rest)
        writer.close()
        return answers

    def cpu_s(self) -> float:
        times = psutil.Process(self.process.pid).cpu_times()
        return float(times.user + times.system)


@contextmanager
def started(name: str, command: list[str], port: int, **environment: str) -> Iterator[Server]:
    env = {**os.environ, **environment}
    env.pop("PYTHONDONTWRITEBYTECODE", None)
    process = subprocess.Popen(
        command, cwd=ROOT, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        deadline = time.monotonic() + 60
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                if process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError(f"{name} did not start") from None
                time.sleep(0.05)
        yield Server(name, process, port)
    finally:
        process.terminate()
        process.wait(30)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def variables(number: int) -> dict[str, object]:
    """Apple's inputs, each time with another dollar of revenue: nothing is remembered."""
    document = json.loads((ROOT / "examples" / "apple.json").read_text())
    document["operations"]["revenue"] += number
    return {
        "input": document,
        "rows": {
            "path": "capital.capm.beta",
            "values": [0.8 + 0.02 * step for step in range(SIDE)],
        },
        "columns": {
            "path": "terminal.gordon.growth",
            "values": [0.01 + 0.0006 * step for step in range(SIDE)],
        },
    }


def body_of(query: str, given: dict[str, object]) -> bytes:
    return orjson.dumps({"query": query, "variables": given})


def our_body(case: str, number: int) -> bytes:
    given = variables(number)
    if case == "small":
        return body_of(SMALL, {"input": given["input"]})
    return body_of(OURS, given)


def peer_body(case: str, number: int) -> bytes:
    given = {"revenue": 391_035e6 + number, "wacc": 0.085, "terminalGrowth": 0.025}
    return body_of(PEERS if case == "full" else PEERS_SMALL, {"input": given})


def rows_of(forecast: dict[str, list[float]]) -> list[dict[str, float]]:
    def snake(name: str) -> str:
        return re.sub(r"([A-Z])", lambda match: "_" + match[1].lower(), name)

    years = len(next(iter(forecast.values())))
    return [{snake(name): line[year] for name, line in forecast.items()} for year in range(years)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=300, help="of each server in each round")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    python = sys.executable
    valor = [python, "-c", "from api.terminals.cli import main; main()"]
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        home = Path(folder)
        environment = {"VALOR_HOME": folder, "VALOR_LOG_LEVEL": "ERROR", "PYTHONPATH": str(ROOT)}
        port = free_port()
        ours = stack.enter_context(
            started(
                "Valor IVX", [*valor, "serve", "--dev", "--port", str(port)], port, **environment
            )
        )
        ours.token = subprocess.run(
            [*valor, "token"],
            cwd=ROOT,
            env={**os.environ, **environment},
            check=True,
            capture_output=True,
            text=True,
        ).stdout.strip()
        lift(home)
        answer = ours.ask(our_body("full", 0))
        value = orjson.loads(answer)["data"]["valueDcf"]
        ready = {
            "id": value["id"],
            "enterprise_value": value["enterpriseValue"],
            "equity_value": value["equityValue"],
            "value_per_share": value["valuePerShare"],
            "wacc": value["wacc"],
            "terminal_value": value["terminalValue"],
            "forecast": rows_of(value["forecast"]),
            "grid": value["sensitivity"]["values"],
        }
        (home / "ready.json").write_bytes(orjson.dumps(ready))
        (home / "bytes.json").write_bytes(answer)
        peers = []
        for name, module in (("plain Strawberry", "peer_strawberry"), ("static", "peer_static")):
            port = free_port()
            command = [python, "-m", "uvicorn", f"benchmarks.{module}:app", "--port", str(port)]
            peers.append(
                stack.enter_context(
                    started(
                        name,
                        [*command, "--no-access-log", "--log-level", "error"],
                        port,
                        BENCH_READY=str(home / "ready.json"),
                        BENCH_BYTES=str(home / "bytes.json"),
                    )
                )
            )
        measure([ours, *peers], options.requests, options.rounds)


def measure(servers: list[Server], requests: int, rounds: int) -> None:
    """Rounds alternate; the first is thrown away."""
    number = 1
    for case in ("full", "small"):
        for turn in range(rounds + 1):
            for server in servers:
                build = our_body if server.name == "Valor IVX" else peer_body
                bodies = [build(case, number + k) for k in range(requests)]
                number += requests
                before = server.cpu_s()
                server.ask_all(bodies)
                spent = (server.cpu_s() - before) / requests * 1e6
                if turn:
                    server.cpu_us.setdefault(case, []).append(spent)
        words = {
            "full": f"ten years × 12 lines and a {SIDE} × {SIDE} grid",
            "small": "three fields",
        }[case]
        print(f"\nvalueDcf, {words}: server CPU, µs a request ({rounds} rounds × {requests})")
        plain = servers[1]
        for server in servers:
            times = server.cpu_us[case]
            ratios = [a / b for a, b in zip(plain.cpu_us[case], times, strict=True)]
            print(
                f"  {server.name:<18} best {min(times):>7,.0f}   median "
                f"{statistics.median(times):>7,.0f}   plain / this: best of rounds "
                f"{max(ratios):.2f}, median {statistics.median(ratios):.2f}"
            )


if __name__ == "__main__":
    main()
