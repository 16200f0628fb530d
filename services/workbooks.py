"""Valuations as workbooks, for whoever may read them."""

from __future__ import annotations

from base64 import b64decode
from dataclasses import dataclass
from typing import Final

from services.audit_log import Looks
from services.principal import Principal
from services.refusals import DeadlineMissed
from services.valuations import KeptId, ValuationService
from services.workbook.export import work_document
from services.workers import WorkerPool

MEDIA_TYPE: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@dataclass(frozen=True, slots=True)
class Workbook:
    """A file, and what to call it."""

    name: str
    content: bytes


class WorkbookService:
    """Whoever may read a valuation may have its workbook.

    It is written by a worker process: seconds of Python on a thread would hold up everybody else.
    """

    def __init__(
        self,
        valuations: ValuationService,
        workers: WorkerPool,
        looks: Looks,
        *,
        deadline_s: float,
    ) -> None:
        self._valuations, self._workers, self._looks = valuations, workers, looks
        self._deadline_s = deadline_s

    async def export(self, principal: Principal, asked: KeptId, at: str) -> Workbook:
        """``at`` is the path of the argument that names the valuation.

        Raises:
            Forbidden; NotFound: if there is no such valuation; Unsupported: for a kind that has no
            workbook, for a book that is too large, and for inputs that this engine would refuse;
            DeadlineMissed; Overloaded: too much is waiting already.
        """
        valuation = await self._valuations.find_named(principal, asked, at)
        try:
            done = await self._workers.done("WORKBOOK", work_document(valuation), self._deadline_s)
        except DeadlineMissed:
            raise DeadlineMissed(
                f"Writing took longer than the {self._deadline_s:g} s that it may. Try again later."
            ) from None
        await self._looks.took(
            principal, "valuation.exported", "valuation", valuation.id, format="xlsx"
        )
        name = f"{valuation.kind.name.lower()}-{valuation.id[:12]}.xlsx"
        return Workbook(name, b64decode(done["content"]))
