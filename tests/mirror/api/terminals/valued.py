"""A document, valued by `valor value` in this process, in a home of its own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result

from api.terminals.cli import main


def valued(tmp_path: Path, document: Any, *options: str) -> Result:
    file = tmp_path / "document.json"
    file.write_text(json.dumps(document), encoding="utf-8")
    home = {"VALOR_HOME": str(tmp_path / "home")}
    return CliRunner().invoke(main, ["value", str(file), *options], env=home)


def printed(tmp_path: Path, document: Any, *options: str) -> str:
    """What is said of a document that can be valued."""
    result = valued(tmp_path, document, *options)
    assert result.exit_code == 0, result.output
    return result.output


def words(text: str) -> list[str]:
    """Its lines, with one blank between words."""
    return [" ".join(line.split()) for line in text.splitlines()]
