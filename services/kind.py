"""A kind of valuation: how a document becomes inputs, and a result a document.

A document is the JSON that a caller sends, a file holds and a row keeps: one shape everywhere, in
the schema's names, with defaults applied.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from math import isfinite
from typing import Any, Generic, TypeAlias, TypeVar

from engine.errors import Infeasible, InvalidInput, Problem
from engine.firm.equity import Bridge, Shares
from engine.questions import Question
from services.labels import Labels
from services.words import camel
from services.workbook.book import Book

Document: TypeAlias = dict[str, Any]
I = TypeVar("I")  # noqa: E741 - the inputs of a kind
R = TypeVar("R")


class Output(StrEnum):
    """A number of a valuation that analyses ask for over many scenarios. Each kind has some."""

    VALUE_PER_SHARE = "VALUE_PER_SHARE"
    EQUITY_VALUE = "EQUITY_VALUE"
    ENTERPRISE_VALUE = "ENTERPRISE_VALUE"
    IRR = "IRR"
    MOIC = "MOIC"
    EXIT_EQUITY = "EXIT_EQUITY"
    SPONSOR_EQUITY = "SPONSOR_EQUITY"
    ACCRETION = "ACCRETION"
    CASH_ACCRETION = "CASH_ACCRETION"
    EARNINGS_PER_SHARE = "EARNINGS_PER_SHARE"
    NEW_SHARES = "NEW_SHARES"
    ACQUIRER_OWNERSHIP = "ACQUIRER_OWNERSHIP"
    GOODWILL = "GOODWILL"
    NEW_DEBT = "NEW_DEBT"
    VALUE_CREATED = "VALUE_CREATED"
    DISTANCE_TO_DEFAULT = "DISTANCE_TO_DEFAULT"
    DEFAULT_PROBABILITY = "DEFAULT_PROBABILITY"
    SPREAD = "SPREAD"


@dataclass(frozen=True, slots=True)
class Kind(Generic[I, R]):
    """One verb of the engine, and its words."""

    name: str  # of the closed list in the schema
    noun: str  # what one valuation of it is called after “a”
    input_version: int
    inputs_of: Callable[[Mapping[str, Any]], I]
    value: Callable[[I], R]
    result_document: Callable[[R], Document]
    admitted: Callable[[R], I]  # the inputs of a result: they have passed the door
    outputs: tuple[Output, ...]  # as its kernel names them; the first is meant where none is named
    observed: Mapping[Output, str]  # outputs that a market tells as well: the input that holds it
    question: Callable[[I, str, I | None], Question[I]]  # of an output; known to have passed
    admit: Callable[[I], object]  # raises InvalidInput with every problem of the inputs
    labels: Labels  # what each input is called, by its path
    # Between which two numbers each input has to lie, by the engine's paths.
    bounds: Callable[[I], Mapping[str, tuple[float, float]]] | None = None
    # Fills a book with the sheets of a result; None: the kind has no workbook.
    workbook: Callable[[Book, R], None] | None = None
    # From a document of version n to one of n + 1. An input keeps its path in all of them.
    upgrades: Mapping[int, Callable[[Document], Document]] = field(default_factory=dict)
    # What leads from an enterprise value of its firm to a share; None: the kind has no such thing.
    bridge: Callable[[I], tuple[Bridge, Shares]] | None = None
    # The input that says of which day a value is, as ``timing.valuationDate``; None: of none.
    day: str | None = None
    # What the next use adds, in milliseconds: where the first of a process imports something heavy.
    importing_ms: Callable[[], float] = float

    def asked(self, output: Output | None) -> Output:
        """The output that is meant, of those that the kind has.

        Raises:
            InvalidInput: for one of another kind.
        """
        if output is None:
            return self.outputs[0]
        if output in self.outputs:
            return output
        message = f"A {self.noun} has no {output}."
        known = f"Ask for one of: {', '.join(self.outputs)}."
        raise InvalidInput.of([Problem("of", "UNKNOWN", message, known)])

    def outputs_of(self, document: Document) -> dict[str, float]:
        """Every output of a document, without the way to it.

        Raises:
            InvalidInput; Infeasible: if one is beyond the range of a number.
        """
        question = self.question(self.inputs_of(document), self.outputs[0], None)
        found = {name: float(value) for name, value in question.values(question.inputs).items()}
        if not all(map(isfinite, found.values())):
            raise Infeasible("The value is beyond the range of a number.")
        return found

    def kept(self, output: Output, result: Mapping[str, Any]) -> float:
        """An output as it stands in the document of a result."""
        return float(result[camel(output.lower())])

    def observed_in(self, inputs: Mapping[str, Any], output: Output) -> float | None:
        """What the market says that an output is, where it is among the inputs."""
        name = self.observed.get(output)
        return None if name is None else inputs.get(name)

    def day_of(self, inputs: Mapping[str, Any]) -> date | None:
        """The day that a value is of."""
        if self.day is None:
            return None
        found: Any = inputs
        for name in self.day.split("."):
            found = found[name]
        return date.fromisoformat(found)

    def door(self, document: Document) -> None:
        """
        Raises:
            InvalidInput: with every problem of a document that has the kind's shape.
        """
        self.admit(self.inputs_of(document))

    def upgraded(self, document: Document, version: int, to: int) -> Document:
        """A document of one version as one of a later version; what is kept stays as it is."""
        for past in range(version, to):
            document = self.upgrades[past](document)
        return document
