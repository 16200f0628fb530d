"""How often somebody may try to sign in: from one address, and as one name.

Both are counted before it is known whether there is such a name, so being slowed down tells
nothing. While the processes cannot count together each gives away a share, and then nothing.
"""

from __future__ import annotations

import ipaddress
from hashlib import sha256
from math import ceil
from typing import Final

from collab.buckets import Buckets, MemoryBuckets, Take, Taken
from collab.scripts import RedisAway
from observability.logs import Log
from services.circuit import Circuit
from services.errors import RateLimited
from store.directory import SYSTEM

OF_ADDRESS: Final = 30  # tries, which come back over ten minutes
OF_ADDRESS_S: Final = 600.0
OF_NAME: Final = 10  # from everywhere together, which come back over five minutes
OF_NAME_S: Final = 300.0
SHARE: Final = 0.25  # of them that one process gives away by itself


class Attempts:
    """Everybody's."""

    def __init__(
        self, log: Log, shared: Buckets | None = None, own: MemoryBuckets | None = None
    ) -> None:
        """``shared``: with other processes; None: this one is alone."""
        self._log, self._shared = log, shared
        self._own = MemoryBuckets() if own is None else own  # an empty one is no None
        self._circuit = Circuit(counted=RedisAway)

    async def from_address(self, address: str) -> None:
        """Count a try from an address.

        Raises:
            RateLimited: if there were too many.
        """
        take = _take_of("address", network_of(address), OF_ADDRESS, OF_ADDRESS_S)
        wait_s = await self._wait(take)
        if wait_s:
            raise too_many(wait_s)

    async def was_right(self, address: str) -> None:
        """Give a try back: many people may sign in from one office."""
        take = _take_of("address", network_of(address), OF_ADDRESS, OF_ADDRESS_S)
        await self._take(take._replace(amount=-1))

    async def as_name(self, slug: str, subject: str) -> float:
        """Count a try as somebody; how many seconds too early it is, 0 if it may be made."""
        return await self._wait(_take_of("name", f"{slug}\0{subject}", OF_NAME, OF_NAME_S))

    async def _wait(self, take: Take) -> float:
        taken = await self._take(take)
        return 0.0 if taken.granted else max(1.0, taken.levels[0].wait_s)

    async def _take(self, take: Take) -> Taken:
        if self._shared is None:
            return self._own.take_now(SYSTEM, [take])
        if self._circuit.admits():
            try:
                taken = await self._shared.take(SYSTEM, [take])
            except RedisAway:
                self._circuit.failed()
                self._log.warning("sign-ins are counted by this process alone: Redis is away")
            except BaseException:
                self._circuit.abandoned()
                raise
            else:
                self._circuit.succeeded()
                return taken
        return self._own.take_now(SYSTEM, [take._replace(capacity=max(1.0, take.capacity * SHARE))])


def network_of(address: str) -> str:
    """An address, as tries are counted by: of IPv6 the network that one household has."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:  # a socket file, or nothing
        return address
    if found.version == 6:
        return str(ipaddress.ip_network((found, 64), strict=False).network_address)
    return str(found)


def _take_of(kind: str, who: str, most: int, within_s: float) -> Take:
    hashed = sha256(who.encode("utf-8", "surrogatepass")).hexdigest()[:32]
    return Take(f"signin:{kind}:{hashed}", most, within_s, 1)


def too_many(wait_s: float) -> RateLimited:
    """What whoever tries too often hears."""
    seconds = ceil(wait_s)
    return RateLimited(f"There were too many tries. Wait {seconds} s, then try again.", seconds)
