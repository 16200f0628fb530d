"""The demo: a server with something in it, and Apple valued before your eyes."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping
from datetime import timedelta
from textwrap import fill
from typing import Any, Final

from api.embedded import ANALYST, Embedded, owner, prepare
from api.keys import make_development_keys
from api.processes.listening import listen
from api.processes.server import server_of
from api.settings import Settings
from api.terminal import URL
from api.terminals.explain import WIDTH, summary
from api.terminals.selections import VALUE
from api.terminals.tokens import DevelopmentTokens
from api.wiring import build
from observability.logs import Logs

TICKER: Final = "AAPL"
FIRST_MODEL: Final = "demo-apple"  # the id of the operation that makes it
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
OLDEST: Final = """
query Oldest {
  models(
    first: 1, filter: {kind: DCF, archived: null}, orderBy: {field: CREATED, direction: ASC}
  ) {
    edges { node { id } }
  }
}
"""
CREATE: Final = """
mutation Create($name: String!, $inputs: DcfInput!, $operationId: ID!) {
  createModel(
    input: {name: $name, unit: MILLIONS, inputs: {dcf: $inputs}}, operationId: $operationId
  ) {
    ... on FinancialModel { id }
    ... on Refusal { message }
  }
}
"""


async def run(settings: Settings, host: str, port: int) -> int:
    """Prepare, serve, value, and stay up until interrupted; the process' exit code."""
    with listen(host, port) as listener:
        url = f"http://{host}:{listener.getsockname()[1]}"
        keyring = make_development_keys(settings.keys)
        # The terminal belongs to the greeting; what goes wrong is still said.
        level = "WARNING" if settings.log_level == "INFO" else settings.log_level
        logs = Logs(level, console=sys.stderr.isatty())
        logs.adopt()
        parts = build(settings, keyring, logs)
        await prepare(settings, parts)
        server = server_of(parts)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(server.serve(sockets=[listener]))
            await server.up.wait()
            await _greet(settings, Embedded(parts, owner()), url)
        return server.exit_code


async def _greet(settings: Settings, embedded: Embedded, url: str) -> None:
    company = (await embedded.data(DERIVED, {"ticker": TICKER}))["company"]
    token = DevelopmentTokens(settings, ANALYST, lifetime=TOKEN_LIFETIME).token()
    print(await _valued(embedded, company))  # noqa: T201 - the command's output
    print(_places(url, token, await _model(embedded, company)))  # noqa: T201 - the same
    sys.stdout.flush()


async def _model(embedded: Embedded, company: Mapping[str, Any]) -> str:
    """The id of the oldest model of a DCF; at the first start one is made of the company."""
    models = (await embedded.data(OLDEST))["models"]["edges"]
    if not models:
        given = {
            "name": company["name"],
            "inputs": company["dcfInputs"]["input"],
            "operationId": FIRST_MODEL,
        }
        created: str = (await embedded.data(CREATE, given))["createModel"]["id"]
        return created
    oldest: str = models[0]["node"]["id"]
    return oldest


async def _valued(embedded: Embedded, company: Mapping[str, Any]) -> str:
    derived = company["dcfInputs"]
    value = (await embedded.data(VALUE, {"input": derived["input"]}))["valued"]
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


def _places(url: str, token: str, model_id: str) -> str:
    where = "" if url == URL else f" --url {url}"
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

Other questions to a firm: a buyout, a merger, what others like it are worth:
  python3 dev.py valor value examples/lbo_average_interest.json --explain
  python3 dev.py valor value examples/merger_mixed.json --explain
  python3 dev.py valor value examples/comparables_trading.json --explain

The same firm as a model, with two analysts in it, each in a terminal of its own:
  python3 dev.py valor join {model_id}{where} --as analyst
  python3 dev.py valor join {model_id}{where} --as partner
Type `move terminal.gordon.growth` in one, or `set terminal.gordon.growth 3%`, and read the other.
"""
