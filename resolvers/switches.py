"""Kill switches, as the schema says them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, TypeAlias

import strawberry

from engine.errors import InvalidInput, Problem
from resolvers.context import Info
from resolvers.ids import global_id, inner_uuid
from resolvers.members import OperationId
from resolvers.refusal import Refusal
from resolvers.valuations.record import ValuationKind
from services.switches import Scope, SwitchRecord

SCOPE = strawberry.enum(Scope, name="SwitchScope", description="What a kill switch stops.")


@strawberry.type(description="Something that an operator has stopped, for everybody.")
class KillSwitch:
    id: strawberry.ID = strawberry.field(description="Global id.")
    scope: Scope = strawberry.field(description="What kind of thing is stopped.")
    name: str = strawberry.field(
        description="What is stopped: Mutation.valueDcf, DCF, or a tenant's id as tokens have it."
    )
    reason: str = strawberry.field(description="Why, as callers read it.")
    stopped_at: datetime = strawberry.field(description="UTC.")
    resumed_at: datetime | None = strawberry.field(description="UTC; null: it is stopped still.")

    @classmethod
    def of(cls, switch: SwitchRecord) -> KillSwitch:
        return cls(
            id=global_id("KillSwitch", str(switch.id)),
            scope=Scope(switch.scope),
            name=switch.name,
            reason=switch.reason,
            stopped_at=switch.thrown_at,
            resumed_at=switch.lifted_at,
        )


@strawberry.input(one_of=True, description="What to stop. Give exactly one.")
class StopTarget:
    operation: str | None = strawberry.field(
        description="A root field of the schema, as Mutation.valueDcf.", default=strawberry.UNSET
    )
    kind: ValuationKind | None = strawberry.field(
        description="A kind of valuation, wherever one is made.", default=strawberry.UNSET
    )
    tenant: strawberry.ID | None = strawberry.field(
        description="A tenant's global id.", default=strawberry.UNSET
    )

    def asked(self) -> tuple[Scope, str]:
        if isinstance(self.operation, str):
            return Scope.OPERATION, self.operation
        if isinstance(self.kind, ValuationKind):
            return Scope.KIND, self.kind.value
        if isinstance(self.tenant, str):
            return Scope.TENANT, str(inner_uuid("Tenant", self.tenant))
        raise InvalidInput.of([Problem("target", "MISSING", "Nothing is named.", "Name one.")])


KillSwitchOutcome: TypeAlias = Annotated[
    KillSwitch | Refusal,
    strawberry.union("KillSwitchOutcome", description="The switch as it is now, or why not."),
]


@strawberry.type
class SwitchQuery:
    @strawberry.field(
        description="Of operators: the newest hundred kill switches, whatever became of them."
    )
    async def kill_switches(self, info: Info) -> list[KillSwitch]:
        found = await info.context.services.tenancy.switches.shown(info.context.principal)
        return [KillSwitch.of(each) for each in found]


@strawberry.type
class SwitchMutation:
    @strawberry.mutation(
        description=(
            "Of operators: stop an operation, a kind of valuation or a tenant, until it is "
            "resumed. Within two seconds every process answers OVERLOADED with the reason, and "
            "subscriptions to what is stopped end."
        )
    )
    async def stop(
        self,
        info: Info,
        target: Annotated[StopTarget, strawberry.argument(description="What to stop.")],
        reason: Annotated[str, strawberry.argument(description="Why, for callers to read.")],
        operation_id: OperationId = None,
    ) -> KillSwitchOutcome:
        scope, name = target.asked()
        thrown = await info.context.services.tenancy.switches.stop(
            info.context.principal, scope, name, reason, operation_id
        )
        return KillSwitch.of(thrown)

    @strawberry.mutation(description="Of operators: let go on what a kill switch has stopped.")
    async def resume(
        self,
        info: Info,
        id: Annotated[  # noqa: A002 - the field's name in the schema
            strawberry.ID, strawberry.argument(description="The switch's global id.")
        ],
        operation_id: OperationId = None,
    ) -> KillSwitchOutcome:
        lifted = await info.context.services.tenancy.switches.resume(
            info.context.principal, inner_uuid("KillSwitch", id), operation_id
        )
        return KillSwitch.of(lifted)
