"""Whatever is sealed, wherever it is kept: read, and put back under another key, row by row."""

from __future__ import annotations

from typing import Final, NamedTuple
from uuid import UUID

from sqlalchemy import Select, Update

from store import scope
from store.database import Database
from store.tables import AccountRow, IdentityProviderRow, Row, WebhookRow

AT_ONCE: Final = 500  # rows that are read together
_FIRST: Final = UUID(int=0)


class Place(NamedTuple):
    """A column that holds something sealed, and the one that names its row."""

    row: type[Row]
    key: str
    column: str

    def page(self) -> Select[tuple[UUID, str]]:
        """The next rows by their keys; ``after``: the key of the last one before."""
        key, sealed = scope.column(self.row, self.key), scope.column(self.row, self.column)
        found = scope.select(self.row, self.key, self.column).where(
            sealed.is_not(None), sealed != "[]", key > scope.given(self.row, self.key, "after")
        )
        return found.order_by(key).limit(AT_ONCE)

    def change(self) -> Update:
        """Another text for the one that it ``was``."""
        return scope.update(self.row, self.column).where(
            scope.equals(self.row, self.key, "of"), scope.equals(self.row, self.column, "was")
        )


PLACES: Final = (
    Place(AccountRow, "member_id", "totp"),
    Place(AccountRow, "member_id", "recovery"),
    Place(IdentityProviderRow, "id", "client_secret"),
    Place(WebhookRow, "id", "secret"),
)
_PAGES: Final = {place: place.page() for place in PLACES}
_CHANGES: Final = {place: place.change() for place in PLACES}


class Seals:
    """What each tenant has sealed. Any method: DatabaseBusy, DatabaseAway."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def page(
        self, tenant_id: UUID, place: Place, after: UUID = _FIRST
    ) -> list[tuple[UUID, str]]:
        """(key of the row, what is sealed), in order of the keys; none: there are no more."""
        rows = await self._database.all(tenant_id, _PAGES[place], after=after)
        return [(key, sealed) for key, sealed in rows]

    async def replace(
        self, tenant_id: UUID, place: Place, key: UUID, was: str, becomes: str
    ) -> bool:
        """Put one in the place of another. False: somebody changed it meanwhile."""
        values = {"of": key, "was": was, place.column: becomes}
        async with self._database.writing(tenant_id) as session:
            return await session.execute(_CHANGES[place], **values) == 1
