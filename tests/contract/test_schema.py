"""The schema is the product's face: it is committed, it explains itself, and it does not break."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
    build_schema,
    find_breaking_changes,
    is_introspection_type,
    is_specified_directive,
    is_specified_scalar_type,
)

from tests.the_schema import GRAPHQL
from tests.the_schema import SCHEMA as OURS

ROOT = Path(__file__).parents[2]


def printed() -> str:
    return OURS.as_str().rstrip() + "\n"


def test_the_committed_schema_is_the_codes() -> None:
    kept = (ROOT / "schema.graphql").read_text(encoding="utf-8")
    assert kept == printed(), "write it anew: valor schema"


def test_the_schema_is_printed_the_same_every_time() -> None:
    assert printed() == printed()


def things(schema: GraphQLSchema) -> Iterator[tuple[str, str | None]]:
    """(name, description) of everything that a reader of the schema could ask about."""
    for name, kind in schema.type_map.items():
        if is_introspection_type(kind) or is_specified_scalar_type(kind):
            continue
        yield name, kind.description
        if isinstance(kind, GraphQLObjectType | GraphQLInterfaceType):
            for field, value in kind.fields.items():
                yield f"{name}.{field}", value.description
                for argument, taken in value.args.items():
                    yield f"{name}.{field}({argument}:)", taken.description
        elif isinstance(kind, GraphQLInputObjectType):
            for field, given in kind.fields.items():
                yield f"{name}.{field}", given.description
    for directive in schema.directives:
        if not is_specified_directive(directive):
            yield f"@{directive.name}", directive.description


NAMES = dict(things(GRAPHQL))


def test_everything_in_the_schema_has_a_description() -> None:
    assert len(NAMES) > 200
    assert [name for name, text in NAMES.items() if not text] == []


def test_a_description_is_a_sentence_in_our_spelling() -> None:
    for name, text in NAMES.items():
        assert text is not None
        assert text == text.strip(), name
        assert text[0].isupper() or not text[0].isalpha(), name
        assert text.endswith((".", "?")), name
        assert "  " not in text, name


def test_no_enum_says_one_thing_twice() -> None:
    enums = [kind for kind in GRAPHQL.type_map.values() if isinstance(kind, GraphQLEnumType)]
    for kind in enums:
        assert len(kind.values) == len({value.value for value in kind.values.values()}), kind


# Breaking changes


def breaks(old: str, new: str) -> list[str]:
    """What a client of the old schema would trip over in the new one."""
    found = find_breaking_changes(build_schema(old), build_schema(new))
    return [f"{change.type.name}: {change.description}" for change in found]


def git(root: Path, *words: str) -> str | None:
    """What git says in a folder; None where it fails, or is not here."""
    try:
        done = subprocess.run(["git", *words], cwd=root, capture_output=True, text=True, timeout=30)
    except FileNotFoundError:
        return None
    return done.stdout if done.returncode == 0 else None


def last_release(root: Path = ROOT) -> tuple[str, str] | None:
    """(tag, its schema.graphql); None where there is no release, or no history at all."""
    tag = (git(root, "describe", "--tags", "--abbrev=0", "--match", "v*") or "").strip()
    text = git(root, "show", f"{tag}:schema.graphql") if tag else None
    return (tag, text) if text else None


def test_nothing_breaks_for_clients_of_the_last_release() -> None:
    release = last_release()
    if release is None:
        pytest.skip("there is no release to compare with: no tag v*, or no history here")
    tag, old = release
    assert breaks(old, printed()) == [], f"breaks clients of {tag}: raise the major version"


def test_the_last_release_is_the_newest_tag_behind_us(tmp_path: Path) -> None:
    """In a history made for it: two releases, and work that goes on after them."""
    assert last_release(tmp_path) is None
    if git(tmp_path, "init", "--quiet") is None:
        pytest.skip("no git here")
    somebody = ("-c", "user.name=x", "-c", "user.email=x@example.com", "-c", "commit.gpgsign=false")
    for text, tag in (("one", "v0.1.0"), ("two", "v0.2.0"), ("three", None)):
        (tmp_path / "schema.graphql").write_text(text)
        git(tmp_path, "add", "schema.graphql")
        assert git(tmp_path, *somebody, "commit", "--quiet", "--message", text) is not None
        if tag is not None:
            git(tmp_path, *somebody, "tag", tag)
    assert last_release(tmp_path) == ("v0.2.0", "two")


def test_the_comparison_sees_what_breaks_a_client() -> None:
    new = printed()
    assert breaks(new, new) == []
    old = new.replace("  fiscalYearEnd: String!", "  exchange: String!\n  fiscalYearEnd: String!")
    assert old != new
    assert breaks(old, new) == ["FIELD_REMOVED: Field Company.exchange was removed."]


@pytest.mark.parametrize(
    ("written", "instead"),
    [
        ("  wacc: Float!\n", "  wacc: Float\n"),
        ("type Price {", "type Cost {"),
        ("  MID_YEAR\n", ""),
        ("  marketPrice: Float\n", "  marketPrice: Float!\n"),
        ("    ticker: String!\n", "    ticker: String!\n    exchange: String!\n"),
        ("union DcfOutcome = DcfValuation | Refusal", "union DcfOutcome = DcfValuation"),
    ],
)
def test_each_kind_of_break_is_seen(written: str, instead: str) -> None:
    old = printed()
    new = old.replace(written, instead).replace(
        "Price!", "Cost!" if "Cost" in instead else "Price!"
    )
    assert new != old
    assert breaks(old, new)


def test_what_is_added_breaks_nobody() -> None:
    old = printed()
    new = old.replace("type Price {", "type Price {\n  currency: String\n")
    assert new != old
    assert breaks(old, new) == []
