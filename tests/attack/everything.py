"""All inputs there are, for one world: those of the files, and those that its schema leads to."""

from __future__ import annotations

import asyncio

import tests.attack.steps  # noqa: F401 - it adds its way of sending
from tests.attack.corpus import Attack, corpus
from tests.attack.strangers import readings, seeded, strangers
from tests.attack.world import World


def everything(world: World) -> list[Attack]:
    """Make what the tenants are to have, and give every attack on it."""
    world.found.update(asyncio.run(seeded(world)))
    return [*corpus(), *strangers(world), *readings(world)]
