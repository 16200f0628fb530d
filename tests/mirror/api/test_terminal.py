"""A file is read as what it is, or told what it has to be."""

from __future__ import annotations

from pathlib import Path

import pytest

from api.terminal import json_object


def written(tmp_path: Path, content: bytes) -> Path:
    file = tmp_path / "given.json"
    file.write_bytes(content)
    return file


def test_a_byte_order_mark_is_no_part_of_an_object(tmp_path: Path) -> None:
    found = json_object(written(tmp_path, b'\xef\xbb\xbf{"a": {"b": [1.5, {}]}, "b": "\xc3\xa4"}'))
    assert found == {"a": {"b": [1.5, {}]}, "b": "ä"}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b'{"a": 1\n "b": 2}', " is not JSON, line 2, column 2: "),
        (b'{"a": 1, "a": 1}', " gives `a` twice. Keep one of them.\n"),
        (b'{"a": 1, "b": [{}, {"c": {"d": 1, "d": 2}}]}', " gives `b[1].c.d` twice. "),
        (b"\xff\xfe{\x00}\x00", " is no text in UTF-8. Save it as UTF-8.\n"),
        (b"PK\x03\x04\x00", ": A workbook cannot be read back: the inputs are a JSON file.\n"),
        (b"[]", " must hold a JSON object.\n"),
    ],
)
def test_any_other_file_is_told_what_is_wrong_with_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: bytes, said: str
) -> None:
    file = written(tmp_path, content)
    with pytest.raises(SystemExit):
        json_object(file)
    assert capsys.readouterr().err.startswith(f"{file}{said}")
