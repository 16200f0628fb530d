"""A valuation as a workbook on the disk."""

from __future__ import annotations

import os
from base64 import b64decode
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Final

from api.embedded import Embedded
from api.terminals.explain import refusal

_WORKBOOK: Final = """query ($id: ID!) { exportWorkbook(valuationId: $id) {
  __typename ... on Workbook { fileName content }
  ... on Refusal { code message issues { path message suggestion } } } }"""


class NotExported(Exception):
    """Why there is no file, as a person reads it."""


async def workbook(embedded: Embedded, valuation_id: str) -> tuple[str, bytes]:
    """What the file is called, and what is in it.

    Raises:
        NotExported; QueryFailed.
    """
    outcome = (await embedded.data(_WORKBOOK, {"id": valuation_id}))["exportWorkbook"]
    if outcome["__typename"] == "Refusal":
        raise NotExported(refusal(outcome))
    return outcome["fileName"], b64decode(outcome["content"])


def put(content: bytes, file: Path) -> None:
    """Write a file, whole or not at all. What somebody may have worked on is not overwritten.

    Raises:
        NotExported.
    """
    try:
        with NamedTemporaryFile(dir=file.parent, prefix=f".{file.name}.") as beside:
            beside.write(content)
            beside.flush()
            try:
                os.link(beside.name, file)  # which fails where there is one
            except FileExistsError:
                if file.read_bytes() != content:
                    said = f"{file} is there, and it is another. Name a new one with --to."
                    raise NotExported(said) from None
            else:
                file.chmod(0o644)
    except OSError as no:
        raise NotExported(f"{file} cannot be written: {no.strerror}.") from None
