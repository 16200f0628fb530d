"""Revisions of a model: who changed what, in the field's words."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

import strawberry

from resolvers.members import Member
from resolvers.paging import PageInfo, Window, cursor_of, no_cursor, values_of
from resolvers.scalars import InputValue
from services.history import Revision as Told
from services.history import ToldChange


@strawberry.enum(
    description=(
        "What an operation did: made a model, made it as another's copy, gave values to paths, "
        "brought a revision's content back, or archived it or took it out again."
    )
)
class Verb(StrEnum):
    CREATE = "CREATE"
    DUPLICATE = "DUPLICATE"
    EDIT = "EDIT"
    RESTORE = "RESTORE"
    ARCHIVE = "ARCHIVE"


@strawberry.type(description="One place of a model that changed.")
class Change:
    path: str = strawberry.field(
        description="Such as `terminal.gordon.growth` or `operations.revenueGrowth.byYear[2]`."
    )
    label: str = strawberry.field(
        description="The same in the field's words: “Terminal growth”, “Revenue growth, year 3”."
    )
    from_: InputValue | None = strawberry.field(
        name="from", description="What stood there, as JSON; null: nothing."
    )
    to: InputValue | None = strawberry.field(
        description="What stands there now, as JSON; null: nothing."
    )
    text: str = strawberry.field(
        description="As a person says it: “Terminal growth from 2.5 % to 3 %”."
    )

    @classmethod
    def of(cls, change: ToldChange) -> Change:
        return cls(
            path=change.path,
            label=change.label,
            from_=None if change.old is None else InputValue(change.old),
            to=None if change.new is None else InputValue(change.new),
            text=change.text,
        )


@strawberry.type(description="One operation of a model's log: what somebody did, all at once.")
class Revision:
    revision: int = strawberry.field(
        description="1 for the first operation, and one more for each: without gaps."
    )
    operation_id: str = strawberry.field(description="The id that its author gave it.")
    verb: Verb = strawberry.field(description="What kind of operation it was.")
    author: Member | None = strawberry.field(description="Null: they have left the tenant.")
    at: datetime = strawberry.field(description="When it was made, UTC.")
    changes: list[Change] = strawberry.field(
        description="Every place that it changed; none where the model was made by it."
    )

    @classmethod
    def of(cls, told: Told) -> Revision:
        return cls(
            revision=told.revision,
            operation_id=told.operation_id,
            verb=Verb(told.verb),
            author=None if told.author is None else Member.of(told.author),
            at=told.at,
            changes=[Change.of(change) for change in told.changes],
        )


@strawberry.type(description="A revision in a list.")
class RevisionEdge:
    cursor: str = strawberry.field(description="Of this place in the list.")
    node: Revision = strawberry.field(description="The revision.")


@strawberry.type(description="Revisions of a model, newest first.")
class RevisionConnection:
    edges: list[RevisionEdge] = strawberry.field(description="One for each revision.")
    page_info: PageInfo = strawberry.field(description="Where the page stands.")

    @classmethod
    def of(cls, found: list[Told], part: Window) -> RevisionConnection:
        """``found`` has one more than were asked for, where there are more that way."""
        told = found[: part.limit]
        if part.backwards:
            told.reverse()
        edges = [
            RevisionEdge(cursor=cursor_of("REVISION", each.revision), node=Revision.of(each))
            for each in told
        ]
        more = len(found) > part.limit
        return cls(
            edges=edges, page_info=part.page_info([edge.cursor for edge in edges], more=more)
        )


def revision_of(cursor: str | None) -> int | None:
    """The revision that a cursor stands at.

    Raises:
        QueryInvalid: for another list's cursor.
    """
    if cursor is None:
        return None
    name, revision = values_of(cursor, 2)
    if name != "REVISION" or type(revision) is not int or not 0 < revision < 2**62:
        raise no_cursor()
    return revision
