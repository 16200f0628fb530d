"""A process that edits a model and chains its tenant's audit as fast as it can, until it is killed.

    python -m tests.audit_writer URL NAME

Each line that it prints is an edit that was acknowledged. The chain is looked after as by a server,
only more often, so that a kill comes in the middle of anything.
"""

from __future__ import annotations

import asyncio
import sys
from dataclasses import replace
from itertools import count

from observability.logs import Logs
from services.audit import entry
from services.audit_chainer import AuditChainer
from store.audit import AuditNotes
from store.audit_chain import AuditChain
from store.errors import DatabaseBusy
from store.financial_models import FinancialModels
from tests.mirror.store.world import OURS, decided, model, opened, operation

AT_ONCE = 4


async def main(url: str, name: str) -> None:
    async with opened(url) as database:
        models, notes = FinancialModels(database), AuditNotes(database)
        chainer = AuditChainer(AuditChain(database), Logs("CRITICAL").get("audit"), each_s=0.001)
        chainer.start()
        numbers = count()

        async def edit() -> None:
            for number in numbers:
                id_ = f"{name}-{number}"
                asked = replace(
                    operation(id_, operation_id=id_),
                    noted=lambda model_id, seq, id_=id_: entry(
                        None, "model.edited", "model", model_id, operation_id=id_, seq=seq
                    ),
                )
                try:
                    done = await models.append(OURS, model().id, asked, lambda m, _: decided(m))
                    await notes.add(OURS, entry(None, "model.read", "model", id_))
                except DatabaseBusy:
                    continue
                assert done is not None
                print(id_, flush=True)

        await asyncio.gather(*(edit() for _ in range(AT_ONCE)))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2]))
