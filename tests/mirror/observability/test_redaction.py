from __future__ import annotations

import pytest
from graphql import GraphQLError, Source
from hypothesis import given
from hypothesis import strategies as st

from observability.redaction import REDACTED, TEXT_MAX, clean_text, hidden, redact


@pytest.mark.parametrize(
    "name",
    [
        "Authorization", "access_token", "accessToken", "password", "apiKey", "x-api-key",
        "API_KEY", "key", "Set-Cookie", "client_secret", "private_key", "signature", "JWT",
        "input", "inputs", "variables", "query", "arguments", "body",
    ],
)  # fmt: skip
def test_a_field_of_such_a_name_is_hidden(name: str) -> None:
    assert hidden(name)
    assert redact({name: "s3cr3t"}) == {name: REDACTED}
    assert redact({name: {"deep": ["s3cr3t"]}}) == {name: REDACTED}
    assert redact({name: None}) == {name: None}


@pytest.mark.parametrize(
    "name", ["tenant", "operation", "keyboard", "monkey", "query_ms", "body_bytes", "kind", "path"]
)
def test_a_field_of_another_name_is_shown(name: str) -> None:
    assert redact({name: "plain"}) == {name: "plain"}


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ("sent Authorization: Bearer abcdef123456", "abcdef123456"),
        ("token eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiIxIn0.c2ln is no good", "eyJzdWIiOiIxIn0"),
        ("cannot reach postgresql://valor:hunter2@db/valor", "hunter2"),
        ("redis://:hunter2@cache:6379", "hunter2"),
        ("key vk_live_17_abcdef", "abcdef"),
        ("sealed whsec_c2VjcmV0/K+=", "c2VjcmV0"),
        ("token vr_17_abcdef was used", "abcdef"),
        ("invited by vi_17_abcdef", "abcdef"),
        ("password=hunter2 is wrong", "hunter2"),
        ("(sqlite3) UNIQUE failed [SQL: INSERT …]\n[parameters: ('hunter2', 1)]", "hunter2"),
    ],
)
def test_a_secret_inside_of_a_text_is_taken_out(text: str, secret: str) -> None:
    cleaned = clean_text(text)
    assert secret not in cleaned
    assert REDACTED in cleaned
    assert secret not in str(redact({"exception": [{"value": text}]}))


def test_the_document_under_an_error_is_taken_out() -> None:
    source = Source("{ value(growth: 0.0417) }")
    told = clean_text(str(GraphQLError("no such field", source=source, positions=[2])))
    assert told == "no such field"


def test_an_ordinary_text_stays_as_it_is() -> None:
    text = "valued AAPL in 0.4 ms (see https://example.com/a?b=c)"
    assert clean_text(text) == text


def test_a_text_of_megabytes_is_cut_before_it_is_searched() -> None:
    assert len(clean_text("password " * 1_000_000)) < 2 * TEXT_MAX


def test_what_is_too_deep_or_not_data_is_a_short_text() -> None:
    deep: dict[str, object] = {}
    inner = deep
    for _ in range(50):
        inner["a"] = {}
        inner = inner["a"]  # type: ignore[assignment]
    assert "…" in str(redact(deep))
    assert redact({"when": object}) == {"when": "<class 'object'>"}


leaves = st.none() | st.booleans() | st.integers() | st.text(max_size=20)
trees = st.recursive(
    leaves,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
)


@given(trees)
def test_whatever_it_is_given_it_answers(tree: object) -> None:
    redact(tree)


@given(trees)
def test_nothing_under_a_secret_name_comes_through(tree: object) -> None:
    assert redact({"password": ["hunter2", tree]}) == {"password": REDACTED}
