"""A manifest of trusted documents: what its file may be."""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path

import pytest

from api.operations import trusted
from api.operations.trusted import ManifestInvalid, manifest

TEXT = "query Ä { viewer { role } }"
HASH = sha256(TEXT.encode()).hexdigest()


def written(folder: Path, content: object) -> Path:
    file = folder / "documents.json"
    file.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return file


@pytest.mark.parametrize("key", [HASH, f"sha256:{HASH}"])
def test_documents_are_known_by_their_hash(tmp_path: Path, key: str) -> None:
    assert manifest(written(tmp_path, {key: TEXT})) == {HASH: TEXT}


def test_an_empty_manifest_trusts_nothing(tmp_path: Path) -> None:
    assert manifest(written(tmp_path, {})) == {}


@pytest.mark.parametrize(
    ("content", "word"),
    [
        ("{\n", "not JSON, line 2, column 1: "),
        ("[]", "no JSON object"),
        ({HASH: None}, "no JSON object"),
        ({HASH: {"text": TEXT}}, "no JSON object"),
        ({"getViewer": TEXT}, "getViewer"),
        ({HASH.upper(): TEXT}, "lower"),
        ({HASH[:40]: TEXT}, "no SHA-256"),
        ({HASH: TEXT + " "}, "another SHA-256"),
    ],
)
def test_a_flaw_is_named_with_the_file(tmp_path: Path, content: object, word: str) -> None:
    with pytest.raises(ManifestInvalid, match=word) as no:
        manifest(written(tmp_path, content))
    assert "documents.json" in str(no.value)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ManifestInvalid, match="No such file"):
        manifest(tmp_path / "documents.json")


def test_a_file_that_is_too_large_is_not_read_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trusted, "FILE_MAX", 10)
    with pytest.raises(ManifestInvalid, match="larger than 10 bytes"):
        manifest(written(tmp_path, {HASH: TEXT}))
