"""The demo: a server with something in it, and Apple valued before your eyes."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping
from datetime import timedelta
from textwrap import fill
from typing import Any, Final

from joserfc.jwk import OKPKey

from api.embedded import DEMO_MEMBER, DEMO_TENANT, Embedded, owner, prepare
from api.explain import VALUE, WIDTH, summary
from api.keys import make_development_key
from api.server import listen, server_of
from api.settings import Settings
from api.wiring import Parts, build
from observability.logs import Logs
from services.authentication import Issuer
from services.principal import Role

TICKER: Final = "AAPL"
TOKEN_LIFETIME: Final = timedelta(minutes=60)
DERIVED: Final = """
query Derived($ticker: String!) {
  company(ticker: $ticker) {
    name source price { date close }
    dcfInputs {
      __typename
      ... on Refusal { message }
      ... on DerivedDcfInputs { input notes assumptions { path value text } }
    }
  }
}
"""


async def run(settings: Settings, host: str, port: int) -> None:
    """Prepare, serve, value, and stay up until interrupted."""
    with listen(host, port) as listener:
        url = f"http://{host}:{listener.getsockname()[1]}"
        key = make_development_key(settings.key_file)
        # The terminal belongs to the greeting; what goes wrong is still said.
        level = "WARNING" if settings.log_level == "INFO" else settings.log_level
        logs = Logs(level, console=sys.stderr.isatty())
        logs.adopt()
        parts = build(settings, key, logs)
        await prepare(settings, parts)
        server = server_of(parts)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(server.serve(sockets=[listener]))
            await server.up.wait()
            await _greet(settings, parts, key, url)


async def _greet(settings: Settings, parts: Parts, key: OKPKey, url: str) -> None:
    token = Issuer(settings.issuer, key).issue(DEMO_TENANT, DEMO_MEMBER, Role.OWNER, TOKEN_LIFETIME)
    print(await _valued(Embedded(parts, owner())))  # noqa: T201 - the command's output
    print(_places(url, token))  # noqa: T201 - the command's output
    sys.stdout.flush()


async def _valued(embedded: Embedded) -> str:
    company = (await embedded.data(DERIVED, {"ticker": TICKER}))["company"]
    derived = company["dcfInputs"]
    value = (await embedded.data(VALUE, {"input": derived["input"]}))["valueDcf"]
    lines = [
        f"{company['name']}, valued by discounted cash flow",
        "═" * 44,
        fill(f"From {company['source']}; every assumption is yours to change.", WIDTH),
        "",
        *(_assumption(each) for each in derived["assumptions"]),
        "",
        *(fill(f"Note: {note}", WIDTH) for note in derived["notes"]),
        "",
        summary(value),
    ]
    return "\n".join(lines)


def _assumption(each: Mapping[str, Any]) -> str:
    head = f"  {each['path']:<32}{each['value']}"
    return (
        f"{head}\n{fill(each['text'], WIDTH, initial_indent='      ', subsequent_indent='      ')}"
    )


def _places(url: str, token: str) -> str:
    minutes = int(TOKEN_LIFETIME.total_seconds() // 60)
    return f"""
The server is up. Ctrl-C ends it.
  GraphiQL   {url}/graphql#token={token}
  GraphQL    {url}/graphql
  Health     {url}/health          Metrics  {url}/metrics
  Promises   {url}/slo/status      Machine  {url}/system/metrics

A token of the demo's owner, good for {minutes} minutes:
  {token}

The same number, in a second terminal:
  export VALOR_TOKEN=$(python3 dev.py valor token)
  python3 dev.py valor value examples/apple.json --explain
  python3 dev.py valor query examples/value_apple.graphql --variables examples/value_apple.json
  curl -s {url}/graphql -H "authorization: Bearer $VALOR_TOKEN" \\
    -H "content-type: application/json" -d @examples/value_apple_request.json
"""
