"""`valor companies`: what a person brings from files, and what is there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from textwrap import fill
from typing import Any, Final

from api.embedded import Embedded
from api.terminal import json_object
from api.terminals.explain import WIDTH
from engine.errors import Problem
from services.statements import Statements

IMPORT: Final = """
mutation Import($companies: [CompanyInput!]!) {
  importCompanies(companies: $companies) {
    __typename
    ... on Refusal { code message issues { path message suggestion } }
    ... on CompanyImport {
      changed
      companies { ticker name revision standsBefore figures { path } }
    }
  }
}
"""
LIST: Final = """
{ companies { ticker name origin standsBefore currency price { date close } years { fiscalYear } } }
"""


class NotImported(Exception):
    """What has to be mended in the files, as a person reads it. Nothing was kept."""


def read(files: Sequence[Path]) -> Statements:
    """The companies in the files: CSV by statement, or JSON.

    Raises:
        NotImported: with everything that is wrong in them.
    """
    statements = Statements()
    for file in files:
        if file.suffix.lower() == ".json":
            found = json_object(file)
            several = found.get("companies", [found])
            companies = several if isinstance(several, list) else [several]
            for number, company in enumerate(companies):
                where = f"{file.name}, companies[{number}]" if "companies" in found else file.name
                statements.take(company, where)
        else:
            try:
                content = file.read_bytes()
            except OSError as no:
                raise NotImported(f"{file} cannot be read: {no.strerror}.") from None
            statements.read(file.name, content)
    if statements.problems:
        raise NotImported(_told(statements.problems))
    return statements


async def bring(embedded: Embedded, statements: Statements) -> list[str]:
    """A line for each company, as it is then.

    Raises:
        NotImported: with everything that has to be mended.
    """
    answer = await embedded.ask(IMPORT, {"companies": statements.companies})
    if answer.get("errors"):
        raise NotImported("\n".join(_placed(e["message"], statements) for e in answer["errors"]))
    outcome = answer["data"]["importCompanies"]
    if outcome["__typename"] == "Refusal":
        problems = [
            Problem(
                statements.place_of(issue["path"]), "MISSING", issue["message"], issue["suggestion"]
            )
            for issue in outcome["issues"]
        ]
        raise NotImported(_told(problems) if problems else outcome["message"])
    lines = []
    for company in outcome["companies"]:
        done = "changed" if company["ticker"] in outcome["changed"] else "as it was"
        line = (
            f"{company['ticker']}\t{company['name']}\t{done}, revision {company['revision']}, "
            f"{len(company['figures'])} figures"
        )
        if company["standsBefore"]:
            line += "\tstands before the shipped company of this ticker"
        lines.append(line)
    return lines


async def listed(embedded: Embedded) -> list[str]:
    """A line for each company that is there; tabs between."""
    found = (await embedded.data(LIST))["companies"]
    return ["\t".join(_listed(company)) for company in found]


def _listed(company: Mapping[str, Any]) -> tuple[str, ...]:
    years = [str(year["fiscalYear"]) for year in company["years"]]
    over = years[0] if len(years) == 1 else f"{years[0]} to {years[-1]}"
    origin = company["origin"] + (" before SHIPPED" if company["standsBefore"] else "")
    price = f"{company['price']['close']:,.2f} {company['currency']} on {company['price']['date']}"
    return company["ticker"], company["name"], origin, f"fiscal {over}", price


def _told(problems: Sequence[Problem]) -> str:
    lines = ["Nothing was imported."]
    for problem in problems:
        lines += [
            f"  {problem.path}",
            fill(problem.message, WIDTH, initial_indent="    ", subsequent_indent="    "),
            fill(problem.suggestion, WIDTH, initial_indent="    → ", subsequent_indent="      "),
        ]
    return "\n".join(lines)


def _placed(message: str, statements: Statements) -> str:
    """What GraphQL says of a document, with the place in the file instead of the variable."""
    head, quote, rest = message.partition("'companies[")
    path, closing, after = rest.partition("'")
    if not (quote and closing):
        return message.replace("Variable '$companies'", "This")
    place = statements.place_of(f"companies[{path}")
    return f"{place}{after}" if place else f"{head}{rest}"
