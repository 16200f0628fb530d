"""Every noun of a model has a field, a law, a case and a peer: the documents' tables are whole."""

from __future__ import annotations

import ast
import importlib
import re
from fnmatch import fnmatchcase
from functools import cache

import pytest
from graphql import (
    GraphQLInputObjectType,
    GraphQLObjectType,
    GraphQLSchema,
    build_schema,
    get_named_type,
)

from tests.contract.nouns import FAMILIES, Family
from tests.pages import DOCS, ROOT, text_of

HEAD = ("noun", "field", "law", "case", "case from", "peer", "whose")
BELOW = ROOT / "tests"

EACH_FAMILY = pytest.mark.parametrize("family", FAMILIES, ids=[each.page for each in FAMILIES])
EACH_NOUN = pytest.mark.parametrize(
    ("family", "noun"),
    [(family, noun) for family in FAMILIES for noun in family.nouns],
    ids=[f"{family.page}: {noun}" for family in FAMILIES for noun in family.nouns],
)

Row = dict[str, str]


@cache
def rows(family: Family) -> tuple[Row, ...]:
    page = DOCS / "maths" / family.page
    lines = [line for line in text_of(page).splitlines() if line.startswith("|")]
    cells = [[cell.strip() for cell in line[1:-1].split("|")] for line in lines]
    assert {len(each) for each in cells} == {len(HEAD)}
    told = [each for each in cells if tuple(each) != HEAD and set("".join(each)) != {"-"}]
    return tuple(dict(zip(HEAD, each, strict=True)) for each in told)


def row_of(family: Family, noun: str) -> Row:
    (row,) = (row for row in rows(family) if row["noun"] == noun)
    return row


def named(cell: str) -> str:
    """What stands as code in a cell, and nothing else may."""
    found = re.fullmatch(r"`([^`]+)`", cell)
    assert found, f"{cell!r} is no name"
    return found[1]


@cache
def schema() -> GraphQLSchema:
    return build_schema(text_of(ROOT / "schema.graphql"))


def text_of_tests(file: str) -> str:
    folder = BELOW if file.startswith("contract/") else BELOW / "mirror" / "engine"
    return text_of(folder / file)


def found_in(text: str) -> dict[str, ast.FunctionDef]:
    """Each test of a file, by name. Nothing is run, and nothing is imported."""
    found = [each for each in ast.parse(text).body if isinstance(each, ast.FunctionDef)]
    names = [each.name for each in found]
    assert len(set(names)) == len(names), "of two with one name only the second is run"
    return {each.name: each for each in found if each.name.startswith("test_")}


@cache
def written_in(file: str) -> dict[str, str]:
    """The source of each test of a file with what it is decorated by, by name."""
    text = text_of_tests(file)
    lines = text.splitlines()
    return {
        name: "\n".join(lines[min([each, *each.decorator_list], key=line_of).lineno - 1 : last])
        for name, each in found_in(text).items()
        if (last := each.end_lineno)
    }


def line_of(node: ast.FunctionDef | ast.expr) -> int:
    return node.lineno


def source_of(cell: str) -> str | None:
    file, _, name = named(cell).partition("::")
    return written_in(file).get(name)


# Words by which a test, or the whole of a file, is left out of a run, or may fail unseen.
LEFT_OUT = {"skip", "skipif", "xfail", "importorskip", "pytestmark", "__test__"}


def words_of(node: ast.AST) -> set[str]:
    return {
        each.id if isinstance(each, ast.Name) else each.attr
        for each in ast.walk(node)
        if isinstance(each, ast.Name | ast.Attribute)
    }


def is_run(text: str, name: str) -> bool:
    """Whether a test is run wherever its file is, asks for something, and can say no."""
    test = found_in(text).get(name)
    if test is None:
        return False
    around = [each for each in ast.parse(text).body if not isinstance(each, ast.FunctionDef)]
    asks = any(isinstance(each, ast.Assert) for each in ast.walk(test))
    return asks and not LEFT_OUT & set().union(*map(words_of, (test, *around)))


# What stands in a test whose peer is somebody; who is not here is a way to compute, in words.
SIGNS = {
    "40 digits": ("exact_", "in_full", "mp.workdps", "mpmath.workdps"),
    "60 digits": ("by_bisection",),
    "numpy-financial": ("numpy_financial.",),
    "pyxirr": ("pyxirr.",),
    "scipy's Brent": ("brentq",),
    "numpy": ("np.",),
    "QuantLib": ("ql.",),
    "Python's fractions": ("in_fractions(",),
    "Python's statistics": ("statistics.quantiles(", "statistics.fmean("),
    "the independent model": (
        *("compared(", "exit_at(document", "maximum_price(document"),
        *("breakeven_synergies(document", "accretion_at(document", "remarks_on(document"),
    ),
}
# The engine has a function of that name too: whose it is, is said where it is imported.
IMPORTED = {"the independent model": r"\.independent(_merger)? import "}
IN_WORDS = {
    "2,000 years one by one",
    "a valuation of each alone",
    "whole valuations in every order",
}


def shows(whose: str, source: str) -> bool:
    """Whether a test asks the peer that it is said to ask."""
    signs = [signs for peer, signs in SIGNS.items() if re.search(rf"\b{peer}(?![-\w])", whose)]
    return all(any(sign in source for sign in each) for each in signs)


def text_and_name(cell: str) -> tuple[str, str]:
    file, _, name = named(cell).partition("::")
    return text_of_tests(file), name


def leads_somewhere(field: str, inputs: str) -> bool:
    """A path of the inputs, `Type.field` of an answer, or a function of the engine."""
    first, *rest = field.split(".")
    if first == "engine":
        module, _, name = field.rpartition(".")
        return callable(getattr(importlib.import_module(module), name, None))
    kinds = schema().type_map
    at = kinds[first] if first in kinds and rest else kinds[inputs]
    for name in rest if first in kinds and rest else (first, *rest):
        if not isinstance(at, GraphQLInputObjectType | GraphQLObjectType):
            return False
        if name not in at.fields:
            return False
        at = get_named_type(at.fields[name].type)
    return True


@EACH_FAMILY
def test_every_noun_has_its_row_and_every_row_its_noun(family: Family) -> None:
    told, nouns = [row["noun"] for row in rows(family)], family.nouns
    assert [noun for noun in nouns if noun not in told] == [], "nouns without a row"
    assert [noun for noun in told if noun not in nouns] == [], "rows of no noun"
    assert told == list(nouns), "each once, in the order of the specification"


@EACH_NOUN
def test_a_noun_is_known_by_four_things(family: Family, noun: str) -> None:
    row = row_of(family, noun)
    assert [column for column in HEAD if not row[column].strip(" -–—`?…")] == [], "empty cells"
    assert leads_somewhere(named(row["field"]), family.inputs), row["field"]
    tests = [row[column] for column in ("law", "case", "peer")]
    assert [test for test in tests if not source_of(test)] == [], "tests that are not there"
    assert len(set(tests)) == len(tests), "one test cannot be two of law, case and peer"
    idle = [test for test in tests if not is_run(*text_and_name(test))]
    assert idle == [], "tests that may be left out, or ask nothing"


@EACH_NOUN
def test_a_peer_is_the_one_that_it_is_said_to_be(family: Family, noun: str) -> None:
    row = row_of(family, noun)
    whose = row["whose"]
    assert whose in IN_WORDS or any(peer in whose for peer in SIGNS), whose
    assert shows(whose, source_of(row["peer"]) or "")
    text, _ = text_and_name(row["peer"])
    assert [
        peer for peer, line in IMPORTED.items() if peer in whose and not re.search(line, text)
    ] == []


BY_HAND = {"by hand", "no published case found; by hand"}
# Whose book is which: who is cited stands here, and the title in the cell or above its table.
WORKS = {
    "Berk and DeMarzo": "Corporate Finance",
    "Brealey, Myers and Allen": "Principles of Corporate Finance",
    "Damodaran": "Valuation, lecture notes",
    "Damodaran on Valuation": "Damodaran on Valuation",
    "Deloitte": "Roadmap: Issuer's Accounting for Debt",
    "Farlex Financial Dictionary": "Farlex Financial Dictionary",
    "Hull": "Options, Futures, and Other Derivatives",
    "Koller et al.": "Valuation",
    "Koller, Goedhart and Wessels": "Valuation",
    "Microsoft Excel": "Microsoft Excel",
    "Rosenbaum and Pearl": "Investment Banking",
    "Ross, Westerfield and Jaffe": "Corporate Finance",
    "Venables, Smith and the R Core Team": "An Introduction to R",
}
# Where in it: a number, or the words that it stands under.
_NUMBER = r"\d+(\.\d+)*((-|, | and | to )\d+(\.\d+)*)*"
PLACE = re.compile(
    rf"((pp?\.|ch\.|sections?|sessions?|tables?|exhibits?|illustrations?|examples?) {_NUMBER}"
    r"|function [A-Z]+|“[^”]{3,}”)"
)


def work_of(source: str) -> str | None:
    """Who is cited, of those whose book is known."""
    known = [work for work in WORKS if re.match(rf"{re.escape(work)}, ", source)]
    return max(known, key=len, default=None)


def is_cited(source: str, above: str) -> bool:
    """Whether a reader finds the place: whose book, which one, and where in it."""
    work = work_of(source)
    if work is None:
        return False
    told = [part.strip() for part in source.removeprefix(work).split(", ")]
    return WORKS[work] in source + above and any(PLACE.fullmatch(part) for part in told)


def above_its_tables(family: Family) -> str:
    """What a page says before its first table, in one line."""
    return " ".join(text_of(DOCS / "maths" / family.page).partition("\n|")[0].split())


@EACH_NOUN
def test_a_case_is_by_hand_or_from_a_place_in_a_book_that_the_test_says(
    family: Family, noun: str
) -> None:
    row = row_of(family, noun)
    source = source_of(row["case"]) or ""
    if row["case from"] in BY_HAND:
        assert [work for work in WORKS if f"{work}, " in source] == [], "from a book, not cited"
        return
    above = above_its_tables(family)
    vague = [each for each in row["case from"].split("; ") if not is_cited(each, above)]
    assert vague == [], "not whose book (of WORKS), which one and where in it"
    wanted = re.findall(r"[A-Z][a-z]+|\d[\d.-]*\d|\d+", row["case from"])
    assert wanted
    assert [word for word in wanted if word not in source] == []


@pytest.mark.parametrize(
    "vague",
    [
        *("", "textbook", "a textbook", "standard", "well known", "By hand", "by hand, ch. 3"),
        *("Rosenbaum and Pearl", "Rosenbaum and Pearl, 1st ed.", "Rosenbaum and Pearl, ch."),
        *("Rosenbaum and Pearl, ch. five", "Rosenbaum and Pearl, chapter", "ch. 5, p. 213"),
        *("Somebody, A Book, ch. 5", "Hull, 9th ed., ch. 24", "Microsoft Excel, a function"),
    ],
)
def test_a_source_that_leads_nobody_to_its_place_is_found(vague: str) -> None:
    above = "Rosenbaum and Pearl is Investment Banking. Microsoft Excel."
    assert is_cited("Rosenbaum and Pearl, 1st ed., exhibit 5.42, p. 235", above)
    assert not is_cited("Rosenbaum and Pearl, 1st ed., exhibit 5.42, p. 235", "No title.")
    assert not is_cited(vague, above)
    assert vague not in BY_HAND


@EACH_FAMILY
def test_every_input_that_is_a_number_or_a_choice_has_a_noun(family: Family) -> None:
    told = {named(row["field"]) for row in rows(family)}
    missing: list[str] = []

    def walk(kind: GraphQLInputObjectType, path: str) -> None:
        for name, field in kind.fields.items():
            below, here = get_named_type(field.type), f"{path}{name}"
            if any(fnmatchcase(here, each) for each in family.beside):
                continue
            if isinstance(below, GraphQLInputObjectType) and below.name not in family.whole:
                walk(below, f"{here}.")
            elif not any(each == here or each.startswith(f"{here}.") for each in told):
                missing.append(here)

    inputs = schema().type_map[family.inputs]
    assert isinstance(inputs, GraphQLInputObjectType)
    walk(inputs, "")
    assert missing == []


def test_every_page_of_nouns_is_guarded() -> None:
    pages = {page.name for page in (DOCS / "maths").glob("nouns*.md")}
    assert pages == {family.page for family in FAMILIES}


def test_a_row_that_lies_is_found() -> None:
    assert not leads_somewhere("operations.revenu", "DcfInput")
    assert not leads_somewhere("operations.revenue.level", "DcfInput")
    assert not leads_somewhere("DcfValuation.worth", "DcfInput")
    assert not leads_somewhere("engine.cashflows.irr", "DcfInput")
    assert leads_somewhere("exit.costs", "LboInput")
    assert not leads_somewhere("exit.costs", "DcfInput")
    assert source_of("`dcf/test_kernel.py::test_that_is_not_there`") is None
    with pytest.raises(AssertionError):
        named("by hand")


SOUND = "def test_a() -> None:\n    assert 1 + 1 == 2\n"


@pytest.mark.parametrize(
    "text",
    [
        SOUND.replace("test_a", "test_another"),
        SOUND.replace("test_a", "once_test_a"),
        "@pytest.mark.skip\n" + SOUND,
        "@pytest.mark.skipif(True, reason='today')\n" + SOUND,
        "@pytest.mark.xfail\n" + SOUND,
        SOUND + "    pytest.skip('not today')\n",
        "pytestmark = pytest.mark.slow\n" + SOUND,
        "pytest.importorskip('mpmath')\n" + SOUND,
        SOUND.replace("assert 1 + 1 == 2", "print(1 + 1)"),
        "class TestA:\n    " + SOUND.replace("\n", "\n    "),
    ],
)
def test_a_test_that_is_renamed_or_left_out_or_asks_nothing_is_found(text: str) -> None:
    assert is_run(SOUND, "test_a")
    assert not is_run(text, "test_a")


def test_a_test_that_another_one_of_its_name_replaces_is_found() -> None:
    with pytest.raises(AssertionError, match="only the second"):
        found_in(SOUND + SOUND)


def test_a_peer_that_is_not_asked_is_found() -> None:
    assert shows("40 digits", "book = exact_dcf(inputs)")
    assert not shows("40 digits", "book = dcf(inputs)")
    assert shows("scipy's Brent on the 40 digits", "brentq(exact_dcf)")
    assert not shows("scipy's Brent on the 40 digits", "brentq(our_dcf)")
    assert shows("the independent model", "assert not compared(document)")
    assert not shows("the independent model", "assert value_lbo(document)")
