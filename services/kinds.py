"""The kinds of valuation: for each, how a document becomes inputs, and a result a document.

A document is the JSON that a caller sends, a file holds and a row keeps: one shape everywhere, in
the schema's names, with defaults applied.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeAlias, TypeVar

from engine.dcf import INPUT_VERSION, DcfInputs, DcfOutput, DcfResult, dcf_question, value_dcf
from engine.scenarios import Question
from services.dcf import inputs_of, result_document

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
    question: Callable[[I, DcfOutput], Question[I]]


DCF: Final[Kind[DcfInputs, DcfResult]] = Kind(
    "DCF", INPUT_VERSION, inputs_of, value_dcf, result_document, dcf_question
)

KINDS: Final[dict[str, Kind[Any, Any]]] = {kind.name: kind for kind in (DCF,)}
