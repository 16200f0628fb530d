"""The commands ``valor value`` and ``valor export``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from api.terminal import fail, json_object, pretty, run_to_end, settings_of, source_of

JSON_FILE = click.Path(exists=True, dir_okay=False, readable=True, path_type=Path)


@click.command()
@click.argument("file", type=JSON_FILE)
@click.option("--explain", is_flag=True, help="Every step of the number, in words.")
@click.option("--json", "as_json", is_flag=True, help="The whole valuation as JSON.")
@click.option(
    "--equity-of",
    metavar="SOURCE",
    help="Of a credit valuation: whose equity value to take, where FILE has no equityValue. A "
    "valuation's id, or a JSON file with a DCF's or a comparison's inputs, which are valued first.",
)
def value(file: Path, *, explain: bool, as_json: bool, equity_of: str | None) -> None:
    """Value the inputs in FILE, without a server. FILE is JSON: the fields of a kind's
    input type, such as `DcfInput` or `LboInput`; its names say which kind it is."""
    from api.embedded import opened
    from api.terminals.explain import refusal
    from api.terminals.inputs import NotValued, id_of, of_file
    from api.terminals.kinds import told
    from api.terminals.selections import VALUE, NoInputs, kind_of, whole

    given = json_object(file)
    of = None if equity_of is None else source_of(equity_of)

    async def ask() -> dict[str, Any]:
        async with opened(settings_of(dev=True)) as embedded:
            kind = kind_of(embedded.schema, given, file)
            asked = VALUE if kind == "Dcf" and not as_json else whole(embedded.schema, kind)
            variables: dict[str, Any] = {"input": given}
            if of is not None:
                if kind != "Credit":
                    fail(f"--equity-of is for credit valuations, and {file} is of another kind.")
                variables["equityOf"] = await id_of(embedded, of, str(equity_of))
            return await embedded.ask(asked, variables)

    try:
        answer = run_to_end(ask())
    except (NoInputs, NotValued) as no:
        fail(str(no))
    if answer.get("errors"):
        fail("\n".join(of_file(error["message"], file) for error in answer["errors"]))
    outcome = answer["data"]["valued"]
    if outcome["__typename"] == "Refusal":
        said = f"{file} cannot be valued.\n{refusal(outcome)}"
        asked_for = equity_of is None and "equityOf" in said
        fail(f"{said}\nIn a terminal, equityOf is --equity-of SOURCE." if asked_for else said)
    click.echo(pretty(outcome) if as_json else told(outcome, explained=explain))


@click.command()
@click.argument("source")
@click.option("--xlsx", is_flag=True, required=True, help="As a workbook with live formulas.")
@click.option(
    "--to",
    type=click.Path(dir_okay=False, path_type=Path),
    help="The file to write. Left out: named after the valuation, in this folder.",
)
def export(source: str, *, xlsx: bool, to: Path | None) -> None:
    """Write a valuation to a file. SOURCE is a valuation's id, or a JSON file with inputs of any
    kind, which are valued first."""
    from api.embedded import QueryFailed, opened
    from api.terminals.export import NotExported, put, workbook
    from api.terminals.inputs import NotValued, id_of

    del xlsx  # the only form that there is, and it is asked for by name
    given = source_of(source)

    async def write() -> Path:
        async with opened(settings_of(dev=True)) as embedded:
            name, content = await workbook(embedded, await id_of(embedded, given, source))
        put(content, target := to or Path(name))
        return target

    try:
        click.echo(f"Wrote {run_to_end(write())}.")
    except (NotExported, NotValued, QueryFailed) as no:
        fail(str(no))
