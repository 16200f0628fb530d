"""Where a PostgreSQL is, and how far it is trusted: URLs in libpq's words, for our driver."""

from __future__ import annotations

import ssl
from typing import Any, Final

from sqlalchemy import URL, make_url

_WORDS: Final = ("sslmode", "sslrootcert", "sslcert", "sslkey")


def address(url: str) -> tuple[URL, dict[str, Any]]:
    """A URL for SQLAlchemy, and what the driver is to be told beside it.

    ``sslmode`` means what it means to psql. Certificates are those of ``sslrootcert``, or of the
    machine. Raises ValueError for a mode that there is not, OSError for a file that is no
    certificate.
    """
    found = make_url(url).set(drivername="postgresql+asyncpg")
    said = {name: str(found.query[name]) for name in _WORDS if name in found.query}
    found = found.difference_update_query(_WORDS)
    mode = said.get("sslmode")
    if mode is None or found.host is None:  # a socket of this machine has no use for it
        return found, {}
    if mode == "disable":
        return found, {"ssl": False}
    if mode in ("allow", "prefer"):
        return found, {"ssl": mode}
    if mode not in ("require", "verify-ca", "verify-full"):
        raise ValueError(f"There is no sslmode {mode}: verify-full is the safe one.")
    roots = said.get("sslrootcert", "system")
    context = ssl.create_default_context(cafile=None if roots == "system" else roots)
    context.check_hostname = mode == "verify-full"
    if mode == "require":  # as with psql: nobody on the way reads it, but who is at the end?
        context.verify_mode = ssl.CERT_NONE
    if "sslcert" in said:
        context.load_cert_chain(said["sslcert"], said.get("sslkey"))
    return found, {"ssl": context}
