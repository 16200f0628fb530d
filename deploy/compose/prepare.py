"""What `docker compose up` wants beside its servers: keys, and a first tenant.

A deployment makes its keys with `valor keys rotate` and tenants of its own, and has no use for
this. Run again, this changes nothing: tokens stay good.
"""

from __future__ import annotations

import asyncio
import os

from api.embedded import opened
from api.keys import KeyUnusable, make_keys, read_keys
from api.settings import Settings


async def prepare() -> None:
    settings = Settings.read(os.environ, dev=True)
    try:
        read_keys(settings.keys)
    except KeyUnusable:
        make_keys(settings.keys)
    async with opened(settings):  # opening it sees to the demonstration's tenant
        pass


if __name__ == "__main__":
    asyncio.run(prepare())
