"""Sealing anew what was sealed under keys that are to go: row by row, as often as one likes.

Each row is a change of its own, made only if the row still is what was read. So it may be stopped
at any moment and run again, beside servers that work, and overwrites nothing that they write.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from uuid import UUID

from services.sealing import NotSealed, Sealer, kid_of, kid_of_mark
from store.database import Database
from store.identity_providers import covered
from store.seals import PLACES, Place, Seals


async def reseal(database: Database, sealer: Sealer, tenants: Iterable[UUID]) -> Counter[str]:
    """Seal everything under the key in use; how much is still under each of the others.

    What does not open stays as it is. Looked at twice, so that what changed meanwhile is counted
    as it is afterwards.

    Raises:
        DatabaseAway, DatabaseBusy.
    """
    seals, whose = Seals(database), list(tenants)
    for _ in range(2):
        left = Counter[str]()
        for tenant_id in whose:
            for place in PLACES:
                left += await _reseal(seals, sealer, tenant_id, place)
    return left


async def marked(database: Database, tenants: Iterable[UUID]) -> Counter[str]:
    """How many members who were erased are known again by each key: those can be made by no other.

    Raises:
        DatabaseAway, DatabaseBusy.
    """
    found = Counter[str]()
    for tenant_id in tenants:
        found.update(kid_of_mark(mark) for mark in await covered(database, tenant_id))
    return found


async def _reseal(seals: Seals, sealer: Sealer, tenant_id: UUID, place: Place) -> Counter[str]:
    left = Counter[str]()
    rows = await seals.page(tenant_id, place)
    while rows:
        for key, sealed in rows:
            try:
                newer = sealer.renewed(sealed)
            except NotSealed:
                left[kid_of(sealed)] += 1
                continue
            if newer is None:
                continue
            if not await seals.replace(tenant_id, place, key, sealed, newer):
                left[kid_of(sealed)] += 1
        rows = await seals.page(tenant_id, place, rows[-1][0])
    return left
