"""What can go wrong with a database, in words that may leave this room.

A driver's error quotes statements and values. It is turned into one of these at the
edge of the store and is not carried along: a message here is short, safe and the same
on every database. ``code`` is the database's own name for the cause (an SQLSTATE or
SQLite's), for the log.
"""

from __future__ import annotations

from ssl import SSLCertVerificationError
from types import TracebackType

from sqlalchemy.exc import DBAPIError, StatementError
from sqlalchemy.exc import TimeoutError as PoolTimeout


class StoreError(Exception):
    """The store could not do what it was asked."""

    message = "The store failed."

    def __init__(self, message: str | None = None, *, code: str = "") -> None:
        super().__init__(message or self.message)
        self.code = code


class DatabaseAway(StoreError):
    """The database cannot be reached, or its file cannot be used. Try again later."""

    message = "The database is away."


class DatabaseBusy(StoreError):
    """Every connection is taken, or a lock was held too long. Try again soon."""

    message = "The database is busy."

    def __init__(
        self, message: str | None = None, *, code: str = "", retry_after_s: float = 1.0
    ) -> None:
        super().__init__(message, code=code)
        self.retry_after_s = retry_after_s


class NotKept(StoreError):
    """The row breaks a rule of its table, so nothing of it was kept."""

    message = "The row breaks a rule of its table and was not kept."


class AccessRefused(StoreError):
    """The database itself refused: the row is another tenant's, or is not to be changed."""

    message = "The database does not give this tenant access to that."


class DangerousRole(StoreError):
    """The role could see every tenant's rows, so the server must not use it."""

    message = "The database role could bypass the isolation of tenants."


class DatabaseFault(StoreError):
    """Something that only we can mend."""

    message = "The database failed in an unexpected way."


class Explained(StoreError):
    """The message says why it was not done, and what mends it."""


class MigrationRefused(Explained):
    """The schema was left as it was."""


class ShippedDataWrong(StoreError):
    """A file that is shipped with the product is not what it should be."""


# The longest prefix wins. SQLSTATE: https://www.postgresql.org/docs/current/errcodes-appendix.html
_BY_CODE: dict[str, type[StoreError]] = {
    "08": DatabaseAway,
    "22": NotKept,
    "23": NotKept,
    "25006": AccessRefused,  # a write in a read-only transaction
    "28": DatabaseAway,
    "3D": DatabaseAway,
    "40": DatabaseBusy,
    "42501": AccessRefused,  # row-level security, or a right that was not granted
    "53": DatabaseBusy,
    "53100": DatabaseAway,  # disk full
    "55P03": DatabaseBusy,
    "57014": DatabaseBusy,  # statement_timeout
    "57P": DatabaseAway,
    "58": DatabaseAway,
    "SQLITE_AUTH": AccessRefused,
    "SQLITE_BUSY": DatabaseBusy,
    "SQLITE_CANTOPEN": DatabaseAway,
    "SQLITE_CONSTRAINT": NotKept,
    "SQLITE_CONSTRAINT_TRIGGER": AccessRefused,  # our triggers guard tenants and nothing else
    "SQLITE_CORRUPT": DatabaseAway,
    "SQLITE_FULL": DatabaseAway,
    "SQLITE_IOERR": DatabaseAway,
    "SQLITE_LOCKED": DatabaseBusy,
    "SQLITE_MISMATCH": NotKept,
    "SQLITE_NOTADB": DatabaseAway,
    "SQLITE_PERM": DatabaseAway,
    "SQLITE_READONLY": DatabaseAway,
    "SQLITE_TOOBIG": NotKept,
}


def translate(error: Exception) -> StoreError:
    """The store's word for a driver's error, without anything the driver said."""
    if isinstance(error, StoreError):
        return error
    if isinstance(error, PoolTimeout):
        return DatabaseBusy(code="POOL_TIMEOUT")
    cause: BaseException = error
    if isinstance(error, StatementError) and error.orig is not None:
        cause = error.orig
    if isinstance(cause, StoreError):
        return cause
    code = getattr(cause, "sqlstate", None) or getattr(cause, "sqlite_errorname", None) or ""
    for length in range(len(code), 1, -1):
        kind = _BY_CODE.get(code[:length])
        if kind is not None:
            return kind(code=code)
    if isinstance(cause, SSLCertVerificationError):  # which is a ValueError too
        return DatabaseAway("The database does not prove who it is.", code="CERTIFICATE")
    # A value that no column can hold: text without UTF-8, an integer beyond 64 bits.
    if isinstance(cause, (ValueError, OverflowError)):
        return NotKept(code=type(cause).__name__)
    if isinstance(cause, OSError) or _is_closed_connection(error, cause):
        return DatabaseAway(code=type(cause).__name__)
    return DatabaseFault(code=code or type(cause).__name__)


def _is_closed_connection(error: Exception, cause: BaseException) -> bool:
    if isinstance(error, DBAPIError) and error.connection_invalidated:
        return True
    return type(cause).__name__ in {"InterfaceError", "ConnectionDoesNotExistError"}


class Translated:
    """``with TRANSLATED:`` lets only the store's own errors out. Cancellation passes."""

    __slots__ = ()

    def __enter__(self) -> None:
        return None

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if isinstance(error, Exception) and not isinstance(error, StoreError):
            raise translate(error) from None


TRANSLATED = Translated()
