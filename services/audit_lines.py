"""What an offline check of an audit reads: an export's lines, public keys, and kept heads."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, BinaryIO, Final

from joserfc.jwk import OKPKey

from services.signing import PURPOSE

LINE_MOST: Final = 1_000_000  # characters
TABLE: Final = "seq,at,"  # how a CSV export begins


class NotWhole(Exception):
    """The first thing that is wrong, and where."""


class NoProof(Exception):
    """It is an export from which nothing can be found out."""


def texts_in(file: BinaryIO) -> Iterator[str]:
    """The lines of a file; of one that is too long no more is read than says so.

    Raises:
        NotWhole: for a line that is no text.
    """
    number = 0
    while line := file.readline(LINE_MOST + 2):
        number += 1
        try:
            yield line.decode()
        except UnicodeDecodeError:
            raise NotWhole(f"Line {number}: it is no text in UTF-8, or longer than any.") from None


def read_lines(texts: Iterable[str]) -> Iterator[Mapping[str, Any]]:
    """The JSON objects of an export, one a line.

    Raises:
        NotWhole: for a line that is none.
        NoProof: for an export that is a table.
    """
    for number, text in enumerate(texts, 1):
        if number == 1 and text.lstrip("\ufeff").startswith(TABLE):
            raise NoProof("A CSV export proves nothing: export the audit as JSONL.")
        try:
            if len(text) > LINE_MOST:
                raise ValueError
            line = json.loads(text, object_pairs_hook=_once, parse_constant=_no_constant)
        except (ValueError, RecursionError):
            raise NotWhole(f"Line {number}: it is no JSON object of an export.") from None
        if not isinstance(line, dict):
            raise NotWhole(f"Line {number}: it is no JSON object of an export.")
        yield line


def keys_in(jwks: Any) -> dict[str, OKPKey]:
    """The audit's Ed25519 keys of a JSON Web Key Set, by their names. Keys of tokens prove no head.

    Raises:
        ValueError: if it is none, or has no key of the audit.
    """
    listed = jwks.get("keys") if isinstance(jwks, dict) else None
    if not isinstance(listed, list):
        raise ValueError("it has no “keys”")
    found: dict[str, OKPKey] = {}
    for each in listed:
        if not isinstance(each, dict) or each.get(PURPOSE) != "audit":
            continue
        if each.get("crv") == "Ed25519" and "kid" in each:
            public = {name: value for name, value in each.items() if name != "d"}
            try:
                found[str(each["kid"])] = OKPKey.import_key(public)
            except Exception as flaw:  # whatever was written there
                raise ValueError(f"the key {each['kid']} is none") from flaw
    if not found:
        raise ValueError("it has no key of the audit, as /.well-known/audit-jwks.json has them")
    return found


def heads_in(texts: Iterable[str]) -> Iterator[str]:
    """Signed heads that were kept elsewhere: one a line, by itself or in what a webhook sent.

    Raises:
        ValueError: for a line without one, and if there are none at all.
    """
    none = True
    for text in texts:
        line = text.strip()
        try:
            told = list(_signatures(json.loads(line))) if line.startswith("{") else [line]
        except RecursionError:
            told = []
        if not told:
            raise ValueError
        if line:
            none = False
            yield from told
    if none:
        raise ValueError


def _signatures(told: Any) -> Iterator[str]:
    if isinstance(told, dict):
        for name, value in told.items():
            if name == "signature" and isinstance(value, str):
                yield value
            else:
                yield from _signatures(value)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A name that is given twice would be read by each reader as they like."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError
    return found


def _no_constant(_name: str) -> Any:
    raise ValueError
