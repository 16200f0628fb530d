"""Trusted documents: those that a team has looked at beforehand, by the hash of their text."""

from __future__ import annotations

import re
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Final

import orjson

FILE_MAX: Final = 16 * 1024 * 1024  # bytes
_HASH: Final = re.compile(r"(?:sha256:)?([0-9a-f]{64})")


class ManifestInvalid(Exception):
    """What is wrong with the file, and what it should be."""


def manifest(file: Path) -> Mapping[str, str]:
    """Documents by the SHA-256 of their text, from a JSON object of the same.

    A key may have ``sha256:`` before it. GraphQL Code Generator writes such a file with
    ``persistedDocuments: {hashAlgorithm: 'sha256'}``.

    Raises:
        ManifestInvalid.
    """
    try:
        with file.open("rb") as opened:
            text = opened.read(FILE_MAX + 1)
    except OSError as no:
        raise ManifestInvalid(f"{file} cannot be read ({no.strerror}).") from None
    if len(text) > FILE_MAX:
        raise ManifestInvalid(f"{file} is larger than {FILE_MAX:,} bytes.")
    try:
        found = orjson.loads(text)
    except orjson.JSONDecodeError as flaw:
        where = f"line {flaw.lineno}, column {flaw.colno}"
        raise ManifestInvalid(f"{file} is not JSON, {where}: {flaw.msg}.") from None
    if not isinstance(found, dict) or not all(isinstance(each, str) for each in found.values()):
        raise ManifestInvalid(f"{file} is no JSON object from hashes to documents.")
    documents: dict[str, str] = {}
    for key, document in found.items():
        match = _HASH.fullmatch(key)
        if match is None:
            raise ManifestInvalid(
                f"{file}: the key “{key[:80]}” is no SHA-256 of 64 lower hexadecimal digits."
            )
        if sha256(document.encode()).hexdigest() != match[1]:
            raise ManifestInvalid(f"{file}: the document under {key} has another SHA-256.")
        documents[match[1]] = document
    return documents
