"""A football field over kept valuations: what each method says that one firm is worth."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from engine.door import Door
from engine.errors import Infeasible, InvalidInput, NotConverged, Problem, Refused
from engine.firm.equity import settle
from engine.football import METHODS_MOST, FootballField, MethodRange, football_field
from engine.lbo.price import IRR_BOUNDS
from engine.remarks import Remark
from services.analyses import AnalysisService
from services.comparables_labels import name_of_multiple
from services.errors import NotFound
from services.football_methods import (
    SCALES,
    Buyout,
    Cases,
    Method,
    Multiples,
    Stated,
    Swings,
    check,
    ids_of,
    place,
)
from services.football_review import review
from services.kinds import COMPARABLES, LBO, Output
from services.principal import Action, Principal
from services.valuations import KeptId, Recorded, ValuationService

_CALLED: Final = {"COMPARABLES": "Comparables", "MERGER": "Merger"}
_RANKED: Final = (NotFound, InvalidInput, Infeasible, NotConverged)


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where a bar comes from: the kind, and the valuations of it; of a stated range nothing."""

    kind: str | None
    valuations: tuple[KeptId, ...]
    days: tuple[date, ...]  # of each valuation


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """A field, with the source of each of its bars, and what a reviewer would ask about them."""

    output: Output
    currency: str
    field: FootballField
    sources: tuple[Source, ...]
    remarks: tuple[Remark, ...]


class FootballService:
    """Puts kept valuations side by side. Nothing is kept."""

    def __init__(self, valuations: ValuationService, analyses: AnalysisService) -> None:
        self._valuations, self._analyses = valuations, analyses

    async def field(
        self,
        principal: Principal,
        methods: Sequence[Method],
        output: Output | None,
        market_price: float | None,
    ) -> Compared:
        """``market_price`` is on the scale of ``output``. None: what the valuations say it is.

        Raises:
            Forbidden; NotFound, InvalidInput, Infeasible, NotConverged: with every problem of
                every method. Overloaded.
        """
        principal.require(Action.READ_VALUATION)
        scale = output or Output.VALUE_PER_SHARE
        check(methods, scale)
        nos: list[Refused] = []
        field: FootballField | None = None
        found: dict[KeptId, Recorded] = {}
        for at, asked in ids_of(methods):
            if asked not in found:
                try:
                    found[asked] = await self._valuations.find_named(principal, asked, at)
                except NotFound as no:
                    nos.append(no)
        nos += _in_one_currency(methods, found)
        ranges: list[tuple[int, MethodRange]] = []
        for number, method in enumerate(methods):
            if all(asked in found for _, asked in method.ids()):
                try:
                    at = place(number, method)
                    said = await self._ranges(principal, at, method, found, scale)
                    ranges += ((number, each) for each in said)
                except _RANKED as no:
                    nos.append(no)
        if market_price is None:
            try:
                market_price = _market_price(found.values(), scale)
            except InvalidInput as no:
                nos.append(no)
        numbers = [number for number, _ in ranges]
        try:
            # Without a range nothing is wrong with the ranges, but with what they come from.
            field = football_field([each for _, each in ranges], market_price) if ranges else None
        except InvalidInput as no:
            nos.append(_as_given(no, methods, numbers))
        if nos or field is None:
            raise _together(nos)
        return Compared(
            output=scale,
            currency=next(iter(found.values())).inputs["currency"],
            field=field,
            sources=tuple(_source(methods[number], found) for number in numbers),
            remarks=review(methods, found, field, numbers),
        )

    async def _ranges(
        self,
        principal: Principal,
        at: str,
        method: Method,
        found: Mapping[KeptId, Recorded],
        scale: Output,
    ) -> list[MethodRange]:
        """What a method says, under ``at``; more than one range of a comparison's multiples."""
        match method:
            case Stated():
                return [method.range]
            case Multiples():
                return _of_multiples(at, method, found[method.valuation], scale)
            case Cases():
                return [_of_cases(at, method, [found[each] for each in method.valuations], scale)]
            case Swings():
                of = found[method.valuation]
                _has(f"{at}.valuation", of, scale)
                try:
                    span = await self._analyses.span(principal, of, scale, method.swings)
                except _RANKED as no:
                    raise _under(no, "swings", f"{at}.swings", "Swing less far.") from no
                name = method.name or _called(of)
                return [MethodRange(name=name, low=span.low, mid=span.own, high=span.high)]
            case Buyout():
                return [await self._of_buyout(principal, at, method, found, scale)]

    async def _of_buyout(
        self,
        principal: Principal,
        at: str,
        method: Buyout,
        found: Mapping[KeptId, Recorded],
        scale: Output,
    ) -> MethodRange:
        of, low, high = found[method.valuation], method.low_irr, method.high_irr
        bridging = None if method.bridge is None else found[method.bridge]
        problems = list(_unfit(at, method, of, bridging, scale))
        if problems:
            raise InvalidInput.of(problems)
        worth = []
        for name, target in (("high_irr", high), ("low_irr", 0.5 * (low + high)), ("low_irr", low)):
            try:
                price = await self._analyses.maximum_price(principal, of, target)
            except _RANKED as no:
                mend = "Give another return."
                raise _under(no, "target_irr", f"{at}.{name}", mend) from no
            worth.append(_carried(price.enterprise_value, bridging, scale))
        name = method.name or f"LBO, {100.0 * low:g} to {100.0 * high:g} % IRR"
        return MethodRange(name=name, low=worth[0], mid=worth[1], high=worth[2])


def _in_one_currency(
    methods: Sequence[Method], found: Mapping[KeptId, Recorded]
) -> Iterator[Refused]:
    first: str | None = None
    for at, asked in ids_of(methods):
        if asked in found:
            its = found[asked].inputs["currency"]
            first = first or its
            if its != first:
                message = f"This valuation is in {its}, and the first one in {first}."
                mend = "Put valuations in one currency side by side: nothing is converted."
                yield InvalidInput(message, [Problem(at, "CONTRADICTION", message, mend)])


def _of_multiples(at: str, method: Multiples, of: Recorded, scale: Output) -> list[MethodRange]:
    if of.kind is not COMPARABLES:
        message = "Only a comparison has multiples."
        mend = "Put this valuation under `swings`, `cases` or, if it is a buyout, `buyout`."
        raise InvalidInput(message, [Problem(f"{at}.valuation", "CONTRADICTION", message, mend)])
    before, key = f"{method.name}, " if method.name else "", SCALES[scale]
    return [
        MethodRange(
            name=before + name_of_multiple(each),
            low=each["lowerQuartile"][key],
            mid=each["median"][key],
            high=each["upperQuartile"][key],
        )
        for each in of.result["ranges"]
        if each["median"] is not None  # a multiple that says nothing of this firm has no range
    ]


def _of_cases(at: str, method: Cases, of: Sequence[Recorded], scale: Output) -> MethodRange:
    problems: list[Problem] = []
    for number, each in enumerate(of):
        where = f"{at}.valuations[{number}]"
        if each.kind is not of[0].kind:
            message = f"This is a {each.kind.noun}, and the first case a {of[0].kind.noun}."
            mend = "Give each method a bar of its own."
            problems.append(Problem(where, "CONTRADICTION", message, mend))
            continue
        try:
            _has(where, each, scale)
        except InvalidInput as no:
            problems += no.problems
    if problems:
        raise InvalidInput.of(problems)
    worth = [each.kind.kept(scale, each.result) for each in of]
    name = method.name or _called(of[0])
    return MethodRange(name=name, low=min(worth), mid=worth[0], high=max(worth))


def _has(where: str, of: Recorded, scale: Output) -> None:
    """
    Raises:
        InvalidInput: where a valuation does not say what its firm is worth so.
    """
    if scale in of.kind.outputs:
        return
    others = [each for each in SCALES if each in of.kind.outputs]
    if of.kind is LBO:
        mend = "Put it under `buyout`: what a sponsor can pay for a return is a price."
    elif others:
        mend = f"Leave it out, or put all methods side by side by {' or '.join(others)}."
    else:
        mend = "Leave it out: it says nothing of what the firm is worth."
    message = f"A {of.kind.noun} has no {_in_words(scale)}."
    raise InvalidInput(message, [Problem(where, "CONTRADICTION", message, mend)])


def _unfit(
    at: str, method: Buyout, of: Recorded, bridging: Recorded | None, scale: Output
) -> Iterator[Problem]:
    if of.kind is not LBO:
        message = f"This is a {of.kind.noun}, and a buyout is asked for."
        mend = "Put it under `swings`, `cases` or, if it is a comparison, `multiples`."
        yield Problem(f"{at}.valuation", "CONTRADICTION", message, mend)
    door = Door()
    for name in ("low_irr", "high_irr"):
        door.within(f"{at}.{name}", getattr(method, name), *IRR_BOUNDS)
    yield from door.problems
    if not door.problems and method.low_irr > method.high_irr:
        message = "The lower return is above the higher one."
        yield Problem(f"{at}.high_irr", "CONTRADICTION", message, "Give them in their order.")
    if bridging is not None and bridging.kind.bridge is None:
        message = f"A {bridging.kind.noun} has no bridge to a share."
        yield Problem(f"{at}.bridge", "CONTRADICTION", message, "Name a DCF or a comparison.")
    if bridging is None and scale is not Output.ENTERPRISE_VALUE:
        message = f"What a sponsor pays is an enterprise value, and no {_in_words(scale)}."
        mend = "Name a DCF or a comparison of the firm, whose bridge and shares lead there."
        yield Problem(f"{at}.bridge", "MISSING", message, mend)


def _carried(enterprise: float, bridging: Recorded | None, scale: Output) -> float:
    """A price for the firm as what is asked for, by the bridge and the shares of a valuation."""
    if bridging is None or bridging.kind.bridge is None or scale is Output.ENTERPRISE_VALUE:
        return enterprise
    settled = settle(enterprise, *bridging.kind.bridge(bridging.kind.inputs_of(bridging.inputs)))
    return float(getattr(settled, scale.lower()))


def _market_price(of: Iterable[Recorded], scale: Output) -> float | None:
    """What the inputs say that the market says.

    Raises:
        InvalidInput: where they do not agree.
    """
    seen = {each.kind.observed_in(each.inputs, scale) for each in of} - {None}
    if len(seen) > 1:
        told = " and ".join(f"{price:,.2f}" for price in sorted(each for each in seen if each))
        message = f"The valuations have different market prices: {told}."
        mend = "Give the one to compare with."
        raise InvalidInput(message, [Problem("market_price", "CONTRADICTION", message, mend)])
    return next(iter(seen), None)


def _in_words(scale: Output) -> str:
    return scale.lower().replace("_", " ")


def _called(of: Recorded) -> str:
    return _CALLED.get(of.kind.name, of.kind.name)


def _source(method: Method, found: Mapping[KeptId, Recorded]) -> Source:
    ids = tuple(each for name, each in method.ids() if name != "bridge")
    days = (found[each].kind.day_of(found[each].inputs) for each in ids)
    return Source(
        kind=ids[0].kind if ids else None,
        valuations=ids,
        days=tuple(day for day in days if day is not None),
    )


def _under(no: Refused, own: str, place: str, mend: str) -> Refused:
    """A no of an analysis, said of the argument that it comes from.

    What the analysis calls ``own`` stands at ``place``, and so does what is wrong with an input
    then, under the input's name.
    """
    problems = [
        Problem(
            path=each.path.replace(own, place, 1) if each.path.startswith(own) else place,
            code=each.code,
            message=each.message if each.path.startswith(own) else f"{each.path}: {each.message}",
            suggestion=each.suggestion,
        )
        for each in no.problems
    ]
    return type(no)(no.message, problems or [Problem(place, "OUT_OF_RANGE", no.message, mend)])


def _as_given(no: Refused, methods: Sequence[Method], numbers: Sequence[int]) -> Refused:
    """What is wrong with a bar, said of the method that it comes from."""
    problems = []
    for each in no.problems:
        bar, _, rest = each.path.removeprefix("methods[").partition("].")
        path = each.path
        if rest:
            number = numbers[int(bar)]
            path = f"{place(number, methods[number])}.{rest}"
        problems.append(Problem(path, each.code, each.message, each.suggestion))
    # Of a comparison every bar may have the same wrong with it: that is one thing to mend.
    return type(no)(no.message, list(dict.fromkeys(problems)))


def _together(nos: Sequence[Refused]) -> Refused:
    """All that is wrong at once, under the reason that has to be mended first."""
    kind = next(kind for kind in _RANKED if any(isinstance(no, kind) for no in nos))
    problems = [each for no in nos for each in no.problems]
    first = next(no.problems[0].message for no in nos if isinstance(no, kind))
    many = len(problems)
    message = first if many == 1 else f"{many} things need mending. First: {first}"
    return kind(message, sorted(problems, key=_number))


def _number(problem: Problem) -> int:
    """Of the method that a problem is of; what is of none comes last."""
    number, bracket, _ = problem.path.removeprefix("methods[").partition("]")
    return int(number) if bracket and number.isdecimal() else METHODS_MOST
