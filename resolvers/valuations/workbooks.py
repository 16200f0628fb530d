"""A valuation as a file that an analyst sends, as the schema says it."""

from __future__ import annotations

from hashlib import sha256
from typing import Annotated, TypeAlias

import strawberry

from resolvers.context import Info
from resolvers.refusal import Refusal
from resolvers.scalars import Base64
from resolvers.valuations.kinds import named
from services.workbooks import MEDIA_TYPE
from services.workbooks import Workbook as Written


@strawberry.type(
    description=(
        "A workbook of a valuation: every step as a live formula, inputs in blue with their "
        "sources, and checks. The same valuation is the same bytes."
    )
)
class Workbook:
    file_name: str = strawberry.field(description="What to call the file, such as dcf-1f3a.xlsx.")
    media_type: str = strawberry.field(description="Of the content, for a download's headers.")
    size: int = strawberry.field(description="Bytes of the content.")
    sha256: str = strawberry.field(description="SHA-256 of the content, in hex.")
    content: Base64 = strawberry.field(description="The .xlsx file.")

    @classmethod
    def of(cls, workbook: Written) -> Workbook:
        return cls(
            file_name=workbook.name,
            media_type=MEDIA_TYPE,
            size=len(workbook.content),
            sha256=sha256(workbook.content).hexdigest(),
            content=Base64(workbook.content),
        )


WorkbookOutcome: TypeAlias = Annotated[
    Workbook | Refusal,
    strawberry.union("WorkbookOutcome", description="A workbook, or why there is none."),
]
ValuationId: TypeAlias = Annotated[
    strawberry.ID, strawberry.argument(description="A valuation's global id.")
]


@strawberry.type
class WorkbookQuery:
    @strawberry.field(
        description=(
            "A valuation of the caller's tenant as an .xlsx workbook with live formulas. Refused "
            "with UNSUPPORTED for a kind that has none."
        )
    )
    async def export_workbook(self, info: Info, valuation_id: ValuationId) -> WorkbookOutcome:
        written = await info.context.services.workbooks.export(
            info.context.principal, named(valuation_id), "valuation_id"
        )
        return Workbook.of(written)
