"""One driver of a forecast: a level, a number for each year, or stages with ramps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from engine.door import MAX_YEARS, Door, Scalar


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Stage:
    """Some years at ``value``; with ``ramp``, equal steps from the stage before up to ``value``."""

    years: int
    value: Scalar
    ramp: bool = False


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Schedule:
    """Exactly one of the three is given. Past the engine's door it is always ``by_year``."""

    level: Scalar | None = None
    by_year: tuple[Scalar, ...] | None = None
    stages: tuple[Stage, ...] | None = None

    @classmethod
    def constant(cls, level: Scalar) -> Schedule:
        return cls(level=level)

    @classmethod
    def explicit(cls, by_year: Sequence[Scalar]) -> Schedule:
        return cls(by_year=tuple(by_year))

    @classmethod
    def staged(cls, *stages: Stage) -> Schedule:
        return cls(stages=stages)

    def shifted(self, by: Scalar) -> Schedule:
        """Every year moved by the same amount."""
        return Schedule(by_year=tuple(value + by for value in self.years()))

    def with_year(self, year: int, value: Scalar) -> Schedule:
        """One year replaced; years count from 0."""
        years = self.years()
        return Schedule(by_year=(*years[:year], value, *years[year + 1 :]))

    def years(self) -> tuple[Scalar, ...]:
        """(n_years,) of a schedule that has passed the door."""
        assert self.by_year is not None, "a schedule passes the door before it is read"  # noqa: S101 - a caller's mistake in our own code
        return self.by_year

    def admit(self, door: Door, path: str, years: int | None, low: float, high: float) -> Schedule:
        """The same schedule year by year, checked; what cannot be read is refused at ``path``.

        ``years``: None where their number is refused already; then only the numbers are checked.
        """
        given = sum(part is not None for part in (self.level, self.by_year, self.stages))
        if given != 1:
            door.refuse(
                path,
                "CONTRADICTION" if given else "MISSING",
                "Exactly one of a level, a number for each year, and stages has to be given.",
                "Give a level, or a number for each year, or stages.",
            )
        elif self.by_year is not None:
            many = len(self.by_year)
            if years is not None and many != years:
                door.refuse(
                    path,
                    "WRONG_LENGTH",
                    f"{many} {'year is' if many == 1 else 'years are'} given, but the forecast has "
                    f"{years}.",
                    f"Give {years} numbers, one for each year, or a level or stages.",
                )
            # What no forecast can hold is wrong as a whole, not number by number.
            door.within_by_year(path, self.by_year[:MAX_YEARS], low, high)
        elif self.level is not None:
            door.within(f"{path}.level", self.level, low, high)
            return Schedule(by_year=(self.level,) * (years or 1))
        else:
            return Schedule(by_year=self._expand_stages(door, path, years, low, high))
        return self

    def _expand_stages(
        self, door: Door, path: str, years: int | None, low: float, high: float
    ) -> tuple[Scalar, ...]:
        values: list[Scalar] = []
        stages, most = self.stages or (), MAX_YEARS if years is None else years
        if len(stages) > most:
            door.refuse(
                f"{path}.stages",
                "WRONG_LENGTH",
                f"{len(stages)} stages do not fit a forecast of {most} years.",
                f"Let the stages' years add up to {most}.",
            )
            return ()
        for number, stage in enumerate(stages):
            where = f"{path}.stages[{number}]"
            if not 1 <= stage.years <= most:
                door.refuse(
                    f"{where}.years",
                    "OUT_OF_RANGE",
                    f"A stage of {stage.years} years does not fit a forecast of {most}.",
                    f"Give from 1 to {most} years.",
                )
                return ()
            if stage.ramp and not values:
                door.refuse(
                    f"{where}.ramp",
                    "CONTRADICTION",
                    "The first stage has nothing before it to ramp from.",
                    "Begin with a stage of one year at the value to start from.",
                )
                return ()
            before = len(door.problems)
            door.within(f"{where}.value", stage.value, low, high)
            if len(door.problems) > before:  # no step leads there; the years are still counted
                values += [0.0] * stage.years
                continue
            start = values[-1] if stage.ramp else stage.value
            step = (stage.value - start) / stage.years
            values += [start + step * k for k in range(1, stage.years)]
            values.append(stage.value)  # exactly, not by the sum of steps
        if years is not None and len(values) != years:
            door.refuse(
                f"{path}.stages",
                "WRONG_LENGTH",
                f"The stages cover {len(values)} years, but the forecast has {years}.",
                f"Let the stages' years add up to {years}.",
            )
        return tuple(values)
