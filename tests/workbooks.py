"""Workbooks as a reader's program sees them: read, changed, and computed by LibreOffice."""

from __future__ import annotations

import io
import os
import re
import shutil
import subprocess
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from xml.etree import ElementTree as ET

import pytest

from engine.provenance import ENGINE_VERSION
from services.kind import Kind
from services.valuations import Recorded

_MAIN: Final = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
_RELATION: Final = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"
_AREA: Final = re.compile(r"'?([^'!]+)'?!\$?([A-Z]+)\$?(\d+)(?::\$?([A-Z]+)\$?(\d+))?")
_DEADLINE_S: Final = 240
# Without this LibreOffice believes the numbers that stand in the file, and computes none.
_COMPUTE_ALWAYS: Final = """<?xml version="1.0" encoding="UTF-8"?>
<oor:items xmlns:oor="http://openoffice.org/2001/registry">
<item oor:path="/org.openoffice.Office.Calc/Formula/Load"><prop oor:name="OOXMLRecalcMode"
 oor:op="fuse"><value>0</value></prop></item>
</oor:items>"""

Found = float | bool | str


@dataclass(frozen=True)
class Read:
    """The cells of a workbook that hold something, and its names."""

    cells: Mapping[str, Mapping[str, Found]]  # by sheet, then by address
    formulas: Mapping[str, Mapping[str, str]]
    names: Mapping[str, str]  # in_marketPrice: Inputs!$D$7
    errors: Sequence[str]  # addresses that say #REF! and the like

    def of(self, name: str) -> list[Found]:
        """What stands behind a name, cell by cell."""
        sheet, addresses = addresses_of(self.names[name])
        return [self.cells[sheet][address] for address in addresses]

    def number(self, name: str) -> float:
        (value,) = self.of(name)
        assert isinstance(value, float)
        return value


def recorded(kind: Kind[Any, Any], document: dict[str, Any]) -> Recorded:
    """A document as a valuation that was kept, without a database."""
    result = kind.value(kind.inputs_of(document))
    return Recorded(
        id="0" * 64,
        kind=kind,
        inputs=document,
        result=kind.result_document(result),
        result_hash="",
        engine_version=ENGINE_VERSION,
        computed_at=datetime(2026, 1, 2, 3, 4, tzinfo=UTC),
        duration_ms=1.0,
        admitted=kind.admitted(result),
    )


def read(book: bytes) -> Read:
    with zipfile.ZipFile(io.BytesIO(book)) as parts:
        names, sheets = _index(parts)
        texts = _texts(parts)
        cells: dict[str, dict[str, Found]] = {}
        formulas: dict[str, dict[str, str]] = {}
        errors: list[str] = []
        for title, part in sheets.items():
            cells[title], formulas[title] = {}, {}
            for cell in ET.fromstring(parts.read(part)).iter(f"{_MAIN}c"):
                address, kind = cell.attrib["r"], cell.get("t", "n")
                value, formula = cell.find(f"{_MAIN}v"), cell.find(f"{_MAIN}f")
                if formula is not None and formula.text:
                    formulas[title][address] = formula.text
                if kind == "e":
                    errors.append(f"{title}!{address}")
                if value is None or value.text is None:
                    continue
                cells[title][address] = _value(kind, value.text, texts)
    return Read(cells, formulas, names, errors)


def changed(book: bytes, inputs: Mapping[str, float | Sequence[float]]) -> bytes:
    """The same workbook with other numbers typed in, by the names of inputs.

    A number for a whole line is typed into each of its cells.
    """
    names, sheets = _index(zipfile.ZipFile(io.BytesIO(book)))
    typed: dict[str, dict[str, float]] = {}
    for name, value in inputs.items():
        sheet, addresses = addresses_of(names[name])
        many = [value] * len(addresses) if isinstance(value, int | float) else list(value)
        typed.setdefault(sheets[sheet], {}).update(zip(addresses, many, strict=True))
    return _rewritten(book, typed)


def with_planted(book: bytes, sheet: str, address: str, value: float) -> bytes:
    """The same workbook with a wrong number in a cell of a formula, as if computed before."""
    _, sheets = _index(zipfile.ZipFile(io.BytesIO(book)))
    return _rewritten(book, {sheets[sheet]: {address: value}})


def computed(books: Sequence[bytes], folder: Path) -> list[Read]:
    """Every workbook after LibreOffice computed all of its cells."""
    program = office()
    profile, source, target = folder / "profile", folder / "in", folder / "out"
    (profile / "user").mkdir(parents=True)
    (profile / "user" / "registrymodifications.xcu").write_text(_COMPUTE_ALWAYS)
    source.mkdir()
    files = [source / f"{number}.xlsx" for number in range(len(books))]
    for file, book in zip(files, books, strict=True):
        file.write_bytes(book)
    done = subprocess.run(
        [
            program, "--headless", "--norestore", f"-env:UserInstallation={profile.as_uri()}",
            "--convert-to", "xlsx:Calc MS Excel 2007 XML", "--outdir", str(target),
            *map(str, files),
        ],
        capture_output=True,
        text=True,
        timeout=_DEADLINE_S,
        env={**os.environ, "LC_ALL": "C.UTF-8"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return [read((target / file.name).read_bytes()) for file in files]


def office() -> str:
    """LibreOffice; where there is none the test is skipped, and fails in CI."""
    found = shutil.which("soffice") or shutil.which("libreoffice")
    if found is None:
        say = "no LibreOffice on the PATH: install libreoffice-calc"
        if os.environ.get("VALOR_CI"):
            pytest.fail(say)
        pytest.skip(say)
    return found


def addresses_of(area: str) -> tuple[str, list[str]]:
    """The sheet, and every cell of a row of cells on it."""
    match = _AREA.fullmatch(area)
    assert match is not None, area
    sheet, left, row, right, end = match.groups()
    assert end in (None, row), f"{area} is more than a row"
    first, last = column_number(left), column_number(right or left)
    return sheet, [f"{_letters(column)}{row}" for column in range(first, last + 1)]


def _rewritten(book: bytes, typed: Mapping[str, Mapping[str, float]]) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(book)) as parts, zipfile.ZipFile(target, "w") as into:
        for part in parts.namelist():
            content = parts.read(part)
            if part in typed:
                text = content.decode()
                for address, value in typed[part].items():
                    pattern = rf'(<c r="{address}"[^>]*>(?:<f>[^<]*</f>)?)<v>[^<]*</v>'
                    text, count = re.subn(pattern, rf"\g<1><v>{value!r}</v>", text)
                    assert count == 1, f"{address} holds no number"
                content = text.encode()
            into.writestr(part, content)
    return target.getvalue()


def _index(parts: zipfile.ZipFile) -> tuple[dict[str, str], dict[str, str]]:
    book = ET.fromstring(parts.read("xl/workbook.xml"))
    links = ET.fromstring(parts.read("xl/_rels/workbook.xml.rels"))
    targets = {link.attrib["Id"]: link.attrib["Target"].lstrip("/") for link in links}
    names = {each.attrib["name"]: each.text or "" for each in book.iter(f"{_MAIN}definedName")}
    sheets = {}
    for each in book.iter(f"{_MAIN}sheet"):
        target = targets[each.attrib[_RELATION]]
        sheets[each.attrib["name"]] = target if target.startswith("xl/") else f"xl/{target}"
    return names, sheets


def _texts(parts: zipfile.ZipFile) -> list[str]:
    if "xl/sharedStrings.xml" not in parts.namelist():
        return []
    root = ET.fromstring(parts.read("xl/sharedStrings.xml"))
    return ["".join(text.text or "" for text in each.iter(f"{_MAIN}t")) for each in root]


def _value(kind: str, text: str, texts: Sequence[str]) -> Found:
    if kind == "s":
        return texts[int(text)]
    if kind == "b":
        return text == "1"
    return float(text) if kind == "n" else text


def column_number(letters: str) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - ord("A") + 1
    return number


def _letters(number: int) -> str:
    letters = ""
    while number:
        number, letter = divmod(number - 1, 26)
        letters = chr(ord("A") + letter) + letters
    return letters
