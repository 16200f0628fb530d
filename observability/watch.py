"""Everything that watches one application, put together. Wiring builds one and hands parts out."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from graphql import GraphQLSchema

from observability.counts import Counts
from observability.health import Beat, Check, Health
from observability.logs import Logs
from observability.metrics import Meter
from observability.objectives import BUDGET_WINDOW_S, Objective, edges_ns, load
from observability.operations import OperationWatch
from observability.outcomes import Recognise, recognise_code
from observability.resolver_times import time_resolvers
from observability.slo import Count, Standing, standing
from observability.system import Machine
from observability.tracing import Tracing

if TYPE_CHECKING:
    from opentelemetry.sdk.trace.export import SpanExporter


@dataclass(frozen=True, slots=True)
class SloStatus:
    """Where one objective stands, as this process counted it."""

    objective: Objective
    live: Count  # of the objective's window
    budgeted: Count  # of the budget's window, as far back as ``covered_s``
    standing: Standing
    budget_window_s: int
    covered_s: float  # how much of the budget's window was counted; less than it after a start

    def as_dict(self) -> dict[str, Any]:
        """For JSON: shares and burn rates are floats here, for reading."""
        where, budget = self.standing, self.standing.budget
        return {
            "name": self.objective.name,
            "sli": self.objective.sli,
            "operation": self.objective.operation,
            "target": float(self.objective.target),
            "withinS": self.objective.within_s,
            "windowS": self.objective.window_s,
            "severity": self.objective.severity,
            "state": where.state,
            "good": self.live.good,
            "valid": self.live.valid,
            "compliance": _float(where.compliance),
            "burnRate": _float(where.burn_rate),
            "exhaustedInS": where.exhausted_in_s,
            "budget": {
                "windowS": self.budget_window_s,
                "coveredS": round(self.covered_s, 3),
                "valid": self.budgeted.valid,
                "allowed": float(budget.allowed),
                "spent": budget.spent,
                "remaining": _float(budget.remaining),
            },
        }


class Watch:
    """Metrics, traces, logs, health and service levels of one application."""

    def __init__(
        self,
        *,
        version: str,
        engine_version: str = "",
        routes: Collection[str] = (),
        kinds: Collection[str] = (),
        checks: Sequence[Check] = (),
        recognise: Recognise = recognise_code,
        objectives: Sequence[Objective] | None = None,
        trace_share: float = 0.01,
        otlp_endpoint: str | None = None,
        span_exporter: Callable[[], SpanExporter] | None = None,
        log_level: str = "INFO",
        logs: Logs | None = None,
        data_path: Path = Path(),
        counts: Counts | None = None,
    ) -> None:
        """``routes``: paths that are served; ``kinds``: kinds of valuation; ``checks``: of what
        it depends on (memory and disk are there already); ``recognise``: reads the code of a no;
        ``objectives``: the catalogue unless given; ``data_path``: on the disk that matters.

        Raises ObjectivesInvalid, and ValueError for a share or a level that is none.
        """
        self.objectives = tuple(load() if objectives is None else objectives)
        self.beat = Beat()
        self.counts = counts or Counts()
        self.machine = Machine(data_path)
        self.health = Health((*checks, *self.machine.checks()), beat=self.beat)
        self.logs = logs or Logs(log_level)
        self.tracing = Tracing(
            share=trace_share,
            endpoint=otlp_endpoint,
            version=version,
            routes=routes,
            exporter=span_exporter,
        )
        self.meter = Meter(
            edges_ns=edges_ns(self.objectives),
            build={"version": version, "engine": engine_version},
            routes=routes,
            kinds=kinds,
            objectives=self.objectives,
            counts=self.counts,
            loop_lag_s=self.beat.lag_s,
        )
        self.operations = OperationWatch(
            objectives=self.objectives,
            counts=self.counts,
            meter=self.meter,
            recognise=recognise,
            tracer=self.tracing,
        )
        self._beating: asyncio.Task[None] | None = None

    def attach(self, schema: GraphQLSchema) -> tuple[str, ...]:
        """Learn the schema and time its resolvers; (``Type.field``, …) of those that are timed.

        Raises ObjectivesInvalid when a promise is made for a field that is not in the schema.
        """
        self.operations.know(schema)
        return time_resolvers(schema)

    async def start(self) -> None:
        """Begin to listen to the event loop, and read the machine a first time."""
        if self._beating is None:
            # Usage is measured between readings, and the import would make a first health check
            # miss its deadline.
            await asyncio.to_thread(self.machine.snapshot)
            self._beating = asyncio.create_task(self.beat.run(), name="beat")

    async def stop(self) -> None:
        """Stop, and send what traces are left. May be called twice."""
        self.health.drain()
        if self._beating is not None:
            self._beating.cancel()
            with suppress(asyncio.CancelledError):
                await self._beating
            self._beating = None
        # Where nothing was sampled there is nothing to import, and nothing to close.
        if "opentelemetry.sdk.trace" in sys.modules:
            await asyncio.to_thread(self.tracing.close)

    def metrics(self, accept: str = "") -> tuple[bytes, str]:
        """(body, content type) for Prometheus; call it in a thread."""
        return self.meter.render(accept)

    def slo_status(self, tenant: str | None = None) -> tuple[SloStatus, ...]:
        """Every objective, for the process or for one tenant (an id that was validated)."""
        covered_s = min(self.counts.covered_s(tenant), float(BUDGET_WINDOW_S))
        return tuple(
            self._status(number, objective, tenant, covered_s)
            for number, objective in enumerate(self.objectives)
        )

    def slo_report(self, tenant: str | None = None) -> dict[str, Any]:
        """The same for JSON. ``countedSince``: counts are of this process, from then on."""
        statuses = self.slo_status(tenant)
        now = datetime.now(UTC)
        covered = timedelta(seconds=statuses[0].covered_s if statuses else 0.0)
        return {
            "countedIn": "process",
            "countedSince": (now - covered).isoformat(timespec="seconds"),
            "asOf": now.isoformat(timespec="seconds"),
            "objectives": [status.as_dict() for status in statuses],
        }

    def system_report(self) -> dict[str, Any]:
        """The machine and this process; call it in a thread."""
        return self.machine.snapshot()

    def _status(
        self, number: int, objective: Objective, tenant: str | None, covered_s: float
    ) -> SloStatus:
        live = self.counts.window(number, objective.window_s, tenant)
        budgeted = self.counts.window(number, BUDGET_WINDOW_S, tenant)
        return SloStatus(
            objective=objective,
            live=live,
            budgeted=budgeted,
            standing=standing(live, budgeted, objective.target, BUDGET_WINDOW_S),
            budget_window_s=BUDGET_WINDOW_S,
            covered_s=covered_s,
        )


def _float(share: Any) -> float | None:
    return None if share is None else float(share)
