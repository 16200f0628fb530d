from __future__ import annotations

import sqlite3
import traceback

import pytest
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from store.errors import (
    TRANSLATED,
    AccessRefused,
    DatabaseAway,
    DatabaseBusy,
    DatabaseFault,
    NotKept,
    StoreError,
    translate,
)


class Told(Exception):
    """As a PostgreSQL driver would raise it."""

    def __init__(self, sqlstate: str) -> None:
        super().__init__("INSERT INTO valuation VALUES ('secret')")
        self.sqlstate = sqlstate


@pytest.mark.parametrize(
    ("sqlstate", "kind"),
    [
        ("23505", NotKept),
        ("22021", NotKept),
        ("42501", AccessRefused),
        ("25006", AccessRefused),
        ("08006", DatabaseAway),
        ("57P01", DatabaseAway),
        ("53100", DatabaseAway),
        ("53300", DatabaseBusy),
        ("57014", DatabaseBusy),
        ("55P03", DatabaseBusy),
        ("40001", DatabaseBusy),
        ("42601", DatabaseFault),
    ],
)
def test_an_sqlstate_has_one_meaning(sqlstate: str, kind: type[StoreError]) -> None:
    for error in (Told(sqlstate), DBAPIError("INSERT", {"a": "secret"}, Told(sqlstate))):
        told = translate(error)
        assert type(told) is kind
        assert told.code == sqlstate
        assert "secret" not in str(told)


def test_what_sqlite_tells_has_one_meaning() -> None:
    connection = sqlite3.connect(":memory:")
    connection.execute("CREATE TABLE t (x UNIQUE)")
    connection.execute("INSERT INTO t VALUES (1)")
    with pytest.raises(NotKept) as refused, TRANSLATED:
        connection.execute("INSERT INTO t VALUES (1)")
    connection.close()
    assert refused.value.code == "SQLITE_CONSTRAINT_UNIQUE"


def test_what_has_no_code_is_known_by_its_kind() -> None:
    assert isinstance(translate(PoolTimeout()), DatabaseBusy)
    assert isinstance(translate(ConnectionRefusedError()), DatabaseAway)
    assert isinstance(translate(TimeoutError()), DatabaseAway)
    assert isinstance(translate(OverflowError()), NotKept)
    assert isinstance(translate(KeyError("secret")), DatabaseFault)


def test_a_translated_error_does_not_print_what_the_driver_said() -> None:
    with pytest.raises(StoreError) as refused, TRANSLATED:
        raise Told("23505")
    assert "secret" not in "".join(traceback.format_exception(refused.value))


def test_the_stores_own_errors_and_cancellation_pass_as_they_are() -> None:
    for error in (DatabaseBusy(retry_after_s=7.0), KeyboardInterrupt(), GeneratorExit()):
        with pytest.raises(type(error)) as passed, TRANSLATED:
            raise error
        assert passed.value is error
