"""What is said of the inputs in a file names the file, the place in it and what to write there."""

from __future__ import annotations

import pytest

from api.terminals.inputs import of_file

WRITE = "\n  → Write a number without quotes, % or separators"

WHOLE = WRITE.replace("a number", "a whole number")


def text(given: str) -> str:
    return f"Float cannot represent non numeric value: '{given}'"


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (f" at .a: {text('25%')}", f" at a: {text('25%')}{WRITE}: 0.25."),
        (f" at .a[0].b: {text('-2.9 %')}", f" at a[0].b: {text('-2.9 %')}{WRITE}: -0.029."),
        (f" at .a: {text('100,000,000')}", f" at a: {text('100,000,000')}{WRITE}: 100000000."),
        (f" at .a: {text('1,000.5')}", f" at a: {text('1,000.5')}{WRITE}: 1000.5."),
        # A quarter, or a quarter of a thousand?
        *((f" at .a: {text(odd)}", f" at a: {text(odd)}{WRITE}.") for odd in ("0,250", "8,125%")),
        # A quarter, or twenty-five?
        (f" at .a: {text('0,25')}", f" at a: {text('0,25')}{WRITE}."),
        (
            " at .years: Int cannot represent non-integer value: '5'",
            f" at years: Int cannot represent non-integer value: '5'{WHOLE}: 5.",
        ),
        (
            " at .years: Int cannot represent non-integer value: '5%'",
            f" at years: Int cannot represent non-integer value: '5%'{WHOLE}.",
        ),
        (
            " at .a: Expected value of non-null type 'Float!' not to be None.",
            " at a: This is null. Give a value.",
        ),
        (
            " at .a: Within OneOf Input Object type 'A', exactly one field …",
            " at a: Give exactly one of its fields, with a value that is not null.",
        ),
        (": Expected 'input', found: 'input'", ": Expected 'input', found: 'input'"),
    ],
)
def test_what_is_said_of_a_variable_is_said_of_the_file(said: str, told: str) -> None:
    assert of_file(f"Variable '$input' has invalid value{said}", "my.json") == f"my.json{told}"


def test_what_is_of_no_variable_stays_as_it_is() -> None:
    said = "The server is busy. Variable '$input' has invalid value: 1"
    assert of_file(said, "my.json") == said
