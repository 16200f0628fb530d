"""How the cells of a workbook look to its reader: how wide, on which side, and what is printed."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from xml.etree import ElementTree as ET

from tests.workbooks import Found, column_number, read

_MAIN: Final = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
_GREY: Final = "FF7F7F7F"
# Formats that a file has by number alone.
_KNOWN: Final = {
    0: "General", 1: "0", 2: "0.00", 3: "#,##0", 4: "#,##0.00", 9: "0%", 10: "0.00%", 11: "0.00E+00"
}  # fmt: skip


@dataclass(frozen=True)
class Look:
    """A cell; one that says nothing has its look all the same."""

    row: int  # from 1, as in an address
    column: int  # from 0
    value: Found
    width: float  # of its column, in characters
    form: str
    right: bool
    wrapped: bool
    shaded: bool
    grey: bool

    @property
    def printed(self) -> str:
        """What one reads, where its column is wide enough."""
        if isinstance(self.value, str):
            return self.value
        if isinstance(self.value, bool):
            return str(self.value).upper()
        if self.form == "yyyy-mm-dd":
            return self.form
        small = self.form.endswith(";General") and abs(self.value) < 1_000.0
        if small or self.form == "General":
            return f"{self.value:.10g}"
        if "E+" in self.form:
            return f"{self.value:.2E}"
        form = re.sub(r"^\[[^]]*]", "", self.form.split(";")[1 if self._below else 0])
        digits = re.sub(r'"([^"]*)"', "", form).rstrip("),")
        value = abs(self.value) * 1e-3 ** (form.count(",") - digits.count(","))
        value *= 100.0 if "%" in form else 1.0
        beside = len(re.findall(r"[(%x)-]", form))
        return f"{value:,.{digits.partition('.')[2].count('0')}f}{'~' * beside}"

    @property
    def _below(self) -> bool:
        return isinstance(self.value, float) and self.value < 0.0 and ";" in self.form


def looked_at(book: bytes) -> Mapping[str, list[Look]]:
    """Every cell of every sheet."""
    found: dict[str, list[Look]] = {}
    values = read(book).cells
    with zipfile.ZipFile(io.BytesIO(book)) as parts:
        styles = ET.fromstring(parts.read("xl/styles.xml"))
        forms = _KNOWN | {
            int(each.attrib["numFmtId"]): each.attrib["formatCode"]
            for each in styles.iter(f"{_MAIN}numFmt")
        }
        fonts = [
            colour is not None and colour.get("rgb") == _GREY
            for each in styles.find(f"{_MAIN}fonts") or ()
            for colour in [each.find(f"{_MAIN}color")]
        ]
        looks = list(styles.find(f"{_MAIN}cellXfs") or ())
        for number, sheet in enumerate(values):
            root = ET.fromstring(parts.read(f"xl/worksheets/sheet{number + 1}.xml"))
            widths = {
                column - 1: float(each.attrib["width"])
                for each in root.iter(f"{_MAIN}col")
                for column in range(int(each.attrib["min"]), int(each.attrib["max"]) + 1)
            }
            found[sheet] = []
            for cell in root.iter(f"{_MAIN}c"):
                look = looks[int(cell.get("s", "0"))]
                align = look.find(f"{_MAIN}alignment")
                letters, row = re.fullmatch(r"([A-Z]+)(\d+)", cell.attrib["r"]).groups()  # type: ignore[union-attr] # an address
                column = column_number(letters)
                found[sheet].append(
                    Look(
                        row=int(row),
                        column=column - 1,
                        value=values[sheet].get(cell.attrib["r"], ""),
                        width=widths.get(column - 1, 8.43),
                        form=forms[int(look.attrib["numFmtId"])],
                        right=align is not None and align.get("horizontal") == "right",
                        wrapped=align is not None and align.get("wrapText") == "1",
                        shaded=look.get("fillId", "0") not in ("0", "1"),
                        grey=fonts[int(look.attrib["fontId"])],
                    )
                )
    return found
