"""The kinds of valuation: for each, how a document becomes inputs, and a result a document.

A document is the JSON that a caller sends, a file holds and a row keeps: one shape everywhere, in
the schema's names, with defaults applied.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Generic, TypeAlias, TypeVar

from engine.dcf import INPUT_VERSION, DcfInputs, DcfOutput, DcfResult, dcf_question, value_dcf
from engine.dcf.inputs import admit
from engine.scenarios import Question
from services.dcf import inputs_of, result_document
from services.dcf_labels import DCF_LABELS
from services.labels import Labels

Document: TypeAlias = dict[str, Any]
I = TypeVar("I")  # noqa: E741 - the inputs of a kind
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Kind(Generic[I, R]):
    """One verb of the engine, and its words."""

    name: str  # of the closed list in the schema
    input_version: int
    inputs_of: Callable[[Mapping[str, Any]], I]
    value: Callable[[I], R]
    result_document: Callable[[R], Document]
    admitted: Callable[[R], I]  # the inputs of a result: they have passed the door
    question: Callable[[I, DcfOutput, I | None], Question[I]]  # the last: known to have passed
    admit: Callable[[I], object]  # raises InvalidInput with every problem of the inputs
    labels: Labels  # what each input is called, by its path
    # From a document of version n to one of n + 1. An input keeps its path in all of them.
    upgrades: Mapping[int, Callable[[Document], Document]] = field(default_factory=dict)

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


DCF: Final[Kind[DcfInputs, DcfResult]] = Kind(
    name="DCF",
    input_version=INPUT_VERSION,
    inputs_of=inputs_of,
    value=value_dcf,
    result_document=result_document,
    admitted=lambda result: result.inputs,
    question=dcf_question,
    admit=admit,
    labels=DCF_LABELS,
)

KINDS: Final[dict[str, Kind[Any, Any]]] = {kind.name: kind for kind in (DCF,)}
