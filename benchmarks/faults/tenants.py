"""The two tenants of a trial: whoever sees a number of the other's sees it at once."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

from services.plans import Plan
from services.principal import Role
from store.tenants import MemberRecord, TenantRecord

MEMBERS: Final = 7  # of each
# What is tried here is what gets lost, not how much somebody may ask.
CONTRACT: Final = (
    '{"contract":{"members":1000000,"models":1000000,'
    '"points_per_minute":1000000000,"requests_per_minute":100000000}}'
)


@dataclass(frozen=True, slots=True)
class Tenant:
    """Who asks. No two of them ever write the same value."""

    name: str
    number: int
    lowest: int  # the first of its values; the next tenant's are above all of them

    @property
    def tenant_id(self) -> UUID:
        return UUID(f"01900000-0000-7000-8000-{self.number:012x}")

    def member_id(self, member: int) -> UUID:
        """Members are numbered from 0: each does one thing at a time."""
        return UUID(int=self.tenant_id.int + 1 + member)

    def records(self) -> tuple[TenantRecord, list[MemberRecord]]:
        """As the product keeps them; every member may do everything."""
        members = [
            MemberRecord(
                id=self.member_id(member),
                subject=f"{member}@{self.name}",
                name=f"{member} of {self.name}",
                role=Role.OWNER.value,
            )
            for member in range(MEMBERS)
        ]
        record = TenantRecord(
            tenant_id=self.tenant_id,
            slug=self.name,
            name=self.name.title(),
            plan=Plan.PRO.value,
            created_at=datetime.now(UTC),
            settings=CONTRACT,
        )
        return record, members


OURS: Final = Tenant("ours", 0xA00, 1_000_001)
CANARY: Final = Tenant("canary", 0xC00, 5_000_000_001)
