"""The kinds of valuation that there are."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, Final

from engine import comparables, credit, dcf, lbo, merger
from engine.comparables.inputs import admit as admit_comparables
from engine.comparables.inputs import bounds as bounds_of_comparables
from engine.credit.inputs import admit as admit_credit
from engine.dcf.inputs import admit as admit_dcf
from engine.dcf.inputs import bounds as bounds_of_dcf
from engine.door import Door
from engine.lbo.inputs import bounds as bounds_of_lbo
from engine.lbo.inputs import enter as enter_lbo
from engine.merger.admission import bounds as bounds_of_merger
from engine.merger.inputs import enter as enter_merger
from services.comparables_labels import COMPARABLES_LABELS
from services.credit_labels import CREDIT_LABELS
from services.dcf import inputs_of, result_document
from services.dcf_labels import DCF_LABELS
from services.documents import answer_document, reader
from services.kind import Document, I, Kind, Output
from services.lbo_labels import LBO_LABELS
from services.merger_labels import MERGER_LABELS
from services.sourced_inputs import with_sources_checked
from services.workbook.comparables import add_comparables
from services.workbook.dcf import add_dcf
from services.workbook.lbo import add_lbo
from services.workbook.merger import add_merger

__all__ = ["COMPARABLES", "CREDIT", "DCF", "KINDS", "LBO", "MERGER", "Document", "Kind", "Output"]

_OF_A_FIRM: Final = (Output.VALUE_PER_SHARE, Output.EQUITY_VALUE, Output.ENTERPRISE_VALUE)

DCF: Final[Kind[dcf.DcfInputs, dcf.DcfResult]] = Kind(
    name="DCF",
    noun="DCF",
    input_version=dcf.INPUT_VERSION,
    inputs_of=with_sources_checked(inputs_of, admit_dcf, DCF_LABELS),
    value=dcf.value_dcf,
    result_document=result_document,
    admitted=lambda result: result.inputs,
    outputs=_OF_A_FIRM,
    observed={Output.VALUE_PER_SHARE: "marketPrice"},
    question=dcf.dcf_question,
    admit=admit_dcf,
    labels=DCF_LABELS,
    bounds=bounds_of_dcf,
    workbook=add_dcf,
    day="timing.valuationDate",
    bridge=lambda inputs: (inputs.bridge, inputs.shares),
)

COMPARABLES: Final[Kind[comparables.ComparablesInputs, comparables.ComparablesResult]] = Kind(
    name="COMPARABLES",
    noun="comparison",
    input_version=comparables.INPUT_VERSION,
    inputs_of=with_sources_checked(
        reader(comparables.ComparablesInputs), admit_comparables, COMPARABLES_LABELS
    ),
    value=comparables.value_comparables,
    result_document=lambda result: answer_document(result.valuation),
    admitted=lambda result: result.inputs,
    outputs=_OF_A_FIRM,
    observed={Output.VALUE_PER_SHARE: "marketPrice"},
    question=comparables.comparables_question,
    admit=admit_comparables,
    labels=COMPARABLES_LABELS,
    bounds=bounds_of_comparables,
    workbook=add_comparables,
    day="asOf",
    bridge=lambda inputs: (inputs.subject.bridge, inputs.subject.shares),
)


def _each_sound(enter: Callable[[Door, I, I | None], I]) -> Callable[[I], I]:
    """Lets in inputs that are sound each by itself. Whether they make a deal that can be paid and
    closed, its value says: a model may be on its way to one."""

    def admit(inputs: I) -> I:
        door = Door()
        admitted = enter(door, inputs, None)
        door.close()
        return admitted

    return admit


_admit_lbo: Final = _each_sound(enter_lbo)
_admit_merger: Final = _each_sound(enter_merger)

LBO: Final[Kind[lbo.LboInputs, lbo.LboResult]] = Kind(
    name="LBO",
    noun="buyout",
    input_version=lbo.INPUT_VERSION,
    inputs_of=with_sources_checked(reader(lbo.LboInputs), _admit_lbo, LBO_LABELS),
    value=lbo.value_lbo,
    result_document=lambda result: answer_document(result.valuation),
    admitted=lambda result: result.inputs,
    outputs=(Output.IRR, Output.MOIC, Output.EXIT_EQUITY, Output.SPONSOR_EQUITY),
    observed={},
    question=lbo.lbo_question,
    admit=_admit_lbo,
    labels=LBO_LABELS,
    bounds=bounds_of_lbo,
    workbook=add_lbo,
    day="timing.closingDate",
)

MERGER: Final[Kind[merger.MergerInputs, merger.MergerResult]] = Kind(
    name="MERGER",
    noun="merger",
    input_version=merger.INPUT_VERSION,
    inputs_of=with_sources_checked(reader(merger.MergerInputs), _admit_merger, MERGER_LABELS),
    value=merger.value_merger,
    result_document=answer_document,
    admitted=lambda result: result.inputs,
    outputs=tuple(Output(output) for output in merger.MergerOutput),
    observed={},
    question=merger.merger_question,
    admit=_admit_merger,
    labels=MERGER_LABELS,
    bounds=bounds_of_merger,
    workbook=add_merger,
    day="timing.closingDate",
)


def _importing_special_functions() -> float:
    """SciPy comes when it is first used, and then takes half a second."""
    return 0.0 if "scipy.special" in sys.modules else 500.0


CREDIT: Final[Kind[credit.CreditInputs, credit.CreditResult]] = Kind(
    name="CREDIT",
    noun="credit valuation",
    input_version=credit.INPUT_VERSION,
    inputs_of=with_sources_checked(reader(credit.CreditInputs), admit_credit, CREDIT_LABELS),
    value=credit.value_credit,
    result_document=lambda result: answer_document(result.valuation),
    admitted=lambda result: result.inputs,
    outputs=tuple(Output(output) for output in credit.CreditOutput),
    observed={},
    question=credit.credit_question,
    admit=admit_credit,
    labels=CREDIT_LABELS,
    importing_ms=_importing_special_functions,
)

KINDS: Final[dict[str, Kind[Any, Any]]] = {
    kind.name: kind for kind in (DCF, LBO, MERGER, COMPARABLES, CREDIT)
}
