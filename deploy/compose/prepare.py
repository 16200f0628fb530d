"""What `docker compose up` wants beside its servers: a key that signs tokens, and a first tenant.

A deployment has an issuer and tenants of its own, and no use for this. The server's container gets
the public half of the key only. Run again, this changes nothing: tokens stay good.
"""

from __future__ import annotations

import asyncio
import os

from api.embedded import opened
from api.keys import make_development_key
from api.settings import Settings


async def prepare() -> None:
    settings = Settings.read(os.environ, dev=True)
    public = settings.public_key_file
    if public and not public.exists():
        key = make_development_key(settings.key_file)
        public.write_bytes(key.as_pem(private=False))
    async with opened(settings):  # opening it sees to the demonstration's tenant
        pass


if __name__ == "__main__":
    asyncio.run(prepare())
