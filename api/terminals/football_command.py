"""The command ``valor football``: kept valuations of one firm side by side."""

from __future__ import annotations

import re
from math import isfinite
from typing import Any, Final

import click

from api.terminal import fail, pretty, run_to_end, settings_of, source_of

_RANGE: Final = re.compile(r"(?:(.+)=)?([^:=]+):([^:=]+)")


class RangeType(click.ParamType[tuple[str, float, float]]):
    """LOW:HIGH, behind what it is of where there is a word for that: ``NAME=LOW:HIGH``."""

    def __init__(self, of: str = "", *, rates: bool = True) -> None:
        self.name = f"{of}=LOW:HIGH" if of else "LOW:HIGH"
        self._named = bool(of)
        self._number = _rate if rates else _number

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, float, float]:
        match = _RANGE.fullmatch(value)
        if match is None or bool(match[1]) is not self._named:
            self.fail(f"{value!r} is not of the form {self.name}.", param, ctx)
        try:
            return match[1] or "", self._number(match[2]), self._number(match[3])
        except ValueError:
            self.fail(f"{value!r} has no two numbers.", param, ctx)


def _number(text: str) -> float:
    if not isfinite(found := float(text)):
        raise ValueError
    return found


def _rate(text: str) -> float:
    from api.terminals.room_lines import in_percent

    percent = in_percent(text)
    return _number(text) if percent is None else percent


@click.command()
@click.argument("sources", nargs=-1, required=True, metavar="SOURCE...")
@click.option(
    "--swing",
    "swings",
    type=RangeType("PATH"),
    multiple=True,
    metavar="PATH=LOW:HIGH",
    help="An input that swings, of a DCF; repeatable. Without: DCFs are cases of one bar.",
)
@click.option(
    "--irr",
    type=RangeType(),
    metavar="LOW:HIGH",
    help="What a buyout's sponsor wants to earn, per year. Left out: 20%:25%.",
)
@click.option(
    "--range",
    "stated",
    type=RangeType("NAME", rates=False),
    multiple=True,
    metavar="NAME=LOW:HIGH",
    help="A range from elsewhere, such as '52 weeks=21:29'; repeatable.",
)
@click.option(
    "--of",
    type=click.Choice(
        ["VALUE_PER_SHARE", "EQUITY_VALUE", "ENTERPRISE_VALUE"], case_sensitive=False
    ),
    default="VALUE_PER_SHARE",
    show_default=True,
    help="What is compared.",
)
@click.option("--market-price", type=float, help="Left out: the one in the inputs.")
@click.option("--json", "as_json", is_flag=True, help="The whole field as JSON.")
def football(
    sources: tuple[str, ...],
    swings: tuple[tuple[str, float, float], ...],
    irr: tuple[str, float, float] | None,
    stated: tuple[tuple[str, float, float], ...],
    of: str,
    market_price: float | None,
    *,
    as_json: bool,
) -> None:
    """Put valuations of one firm side by side: a football field.

    Each SOURCE is a valuation's id, or a JSON file with inputs, which are valued first. A
    comparison shows its quartiles, a buyout what can be paid for a return, by the bridge of the
    first DCF or comparison. A rate may be written in percent, as 8%.
    """
    from api.embedded import QueryFailed, opened
    from api.terminals.football import Asked, NoField, drawn, field
    from api.terminals.inputs import NotValued, id_of

    given = [source_of(each) for each in sources]
    asked = Asked(
        of=of,
        swings=swings,
        returns=irr and irr[1:],
        stated=stated,
        market_price=market_price,
    )

    async def ask() -> Any:
        async with opened(settings_of(dev=True)) as embedded:
            ids = [
                await id_of(embedded, each, source)
                for source, each in zip(sources, given, strict=True)
            ]
            return await field(embedded, list(zip(ids, sources, strict=True)), asked)

    try:
        found = run_to_end(ask())
    except (NotValued, NoField, QueryFailed) as no:
        unbridged = ".buyout.bridge" in str(no)
        fail(f"{no}\nIn a terminal, the bridge is another SOURCE." if unbridged else str(no))
    click.echo(pretty(found) if as_json else drawn(found))
