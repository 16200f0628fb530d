"""Text and bytes as a data file writes them: pieces, repeated, counted, random.

A piece is a text, or a list of pieces, or a map: ``{times: 400, of: piece}`` repeats, and ``#`` in
a counted one (``counted: true``) becomes its number; ``{hex: 1603}`` and ``{noise: 4096}`` are
bytes, the noise the same each time; ``{spoil: 7, of: piece}`` has other bytes in a few places;
``{base64: piece}`` and ``{percent: piece}`` are written so.
"""

from __future__ import annotations

from base64 import b64encode
from random import Random
from typing import Any, Final
from urllib.parse import quote

from tests.comparables_documents import compared
from tests.credit_documents import indebted
from tests.dcf_documents import Document, but, firm
from tests.lbo_documents import bought
from tests.merger_documents import merged
from tests.own_companies import acme

# Inputs that are right: ``{document: dcf, put: {capital.wacc: 0.2}}`` is one, and a change to it.
DOCUMENTS: Final[dict[str, Document]] = {
    "dcf": firm(),
    "lbo": bought(),
    "merger": merged(),
    "comparables": compared(),
    "credit": indebted(),
    "company": acme(),
}


def octets(piece: Any) -> bytes:
    """The bytes of a piece; text is UTF-8.

    Raises:
        ValueError: if it is none.
    """
    if isinstance(piece, bytes):
        return piece
    if isinstance(piece, str):
        return piece.encode("utf-8", "surrogatepass")
    if isinstance(piece, list):
        return b"".join(map(octets, piece))
    if isinstance(piece, dict):
        if "times" in piece:
            inner = octets(piece["of"])
            if not piece.get("counted"):
                return inner * int(piece["times"])
            return b"".join(inner.replace(b"#", b"%d" % n) for n in range(int(piece["times"])))
        if "hex" in piece:
            return bytes.fromhex(str(piece["hex"]))
        if "noise" in piece:
            return Random(int(piece["noise"])).randbytes(int(piece["noise"]))  # noqa: S311 - the same each time
        if "spoil" in piece:
            return _spoiled(octets(piece["of"]), Random(int(piece["spoil"])))  # noqa: S311 - the same each time
        if "base64" in piece:
            return b64encode(octets(piece["base64"]))
        if "percent" in piece:
            return quote(octets(piece["percent"])).encode()
    raise ValueError(f"this is no piece of text or bytes: {piece!r}")


def _spoiled(good: bytes, chance: Random) -> bytes:
    """With other bytes in one to four places."""
    bad = bytearray(good)
    for _ in range(chance.randint(1, 4)):
        bad[chance.randrange(len(bad))] = chance.randrange(256)
    return bytes(bad)


def text(piece: Any) -> str:
    """The text of a piece."""
    return octets(piece).decode("utf-8", "surrogatepass")


def is_piece(value: Any) -> bool:
    """Whether a map is a piece, and not a map of its own: what stands in variables may be one."""
    return isinstance(value, dict) and bool(
        value.keys() & {"times", "hex", "noise", "spoil", "base64", "percent"}
    )


def filled(value: Any) -> Any:
    """A document in which every piece has become its text, and a range its numbers."""
    if is_piece(value):
        return text(value)
    if isinstance(value, dict) and "document" in value:
        document = DOCUMENTS[value["document"]]
        for path, held in value.get("put", {}).items():
            document = but(document, path, held)
        return document
    if isinstance(value, dict) and "range" in value:
        return [value["from"] + n * value["by"] for n in range(int(value["range"]))]
    if isinstance(value, dict):
        return {key: filled(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [filled(inner) for inner in value]
    return value
