"""What is typed in a room is understood, and what happens there is told once, in words."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

import pytest
from graphql import GraphQLInputObjectType, GraphQLList, get_named_type, get_nullable_type

from api.terminals.room_lines import Misspelt, Room, Typed, edit_value, refusal, typed
from resolvers.shapes import INPUTS
from tests.the_schema import GRAPHQL

ME = {"id": "p1", "member": {"name": "Ada"}}
BOB = {"id": "p2", "member": {"name": "Bob"}}


def batch(**said: Any) -> dict[str, Any]:
    """A batch that says nothing but what is given."""
    nothing: dict[str, Any] = {
        "me": None, "seq": 7, "resync": False, "model": None, "members": None, "joined": [],
        "left": [], "cursors": [], "selections": [], "edits": [], "valuation": None,
    }  # fmt: skip
    return nothing | said


def first(**said: Any) -> dict[str, Any]:
    model = {"name": "Orchard", "kind": "DCF", "revision": 7}
    return batch(me=ME, model=model, members=[ME, BOB], **said)


def edit(revision: int, text: str = "WACC from 9 % to 8 %", name: str | None = "Bob") -> Any:
    author = None if name is None else {"name": name}
    return {"revision": revision, "author": author, "changes": [{"text": text}] if text else []}


@pytest.fixture
def room() -> Room:
    """A room with Ada, who looks, and Bob, at revision 7."""
    room = Room()
    room.lines(first())
    return room


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("0.09", {"number": 0.09}),
        ("9", {"number": 9}),
        ("9%", {"number": 0.09}),
        ("-1.5 %", {"number": -0.015}),
        ("true", {"flag": True}),
        ("null", {"nothing": True}),
        ("2024-09-27", {"text": "2024-09-27"}),
        ("MID_YEAR", {"text": "MID_YEAR"}),
        ("Apple, base case", {"text": "Apple, base case"}),
        ('"9"', {"text": "9"}),
        ("2.9%", {"number": 0.029}),
        ("NaN", {"text": "NaN"}),
        ("-Infinity", {"text": "-Infinity"}),
        ("1e400", {"text": "1e400"}),
        ("[0.1, 1e400]", {"text": "[0.1, 1e400]"}),
        ("[0.1, 0.2]", {"series": [0.1, 0.2]}),
        ('{"level": 0.04}', {"schedule": {"level": 0.04}}),
    ],
)
def test_a_value_is_what_it_looks_like(line: str, value: dict[str, Any]) -> None:
    assert typed(f"set operations.revenueGrowth {line}") == Typed(
        "set", ("operations.revenueGrowth",), value
    )


@pytest.mark.parametrize(
    ("path", "arm"),
    [("capital", "capital"), ("terminal", "terminal"), ("scenarios.low", "scenario")],
)
def test_an_object_is_what_stands_at_its_path(path: str, arm: str) -> None:
    assert typed(f'set {path} {{"a": 1}}') == Typed("set", (path,), {arm: {"a": 1}})


@pytest.mark.parametrize(
    ("path", "arm"),
    [
        ("shares.options", "options"),
        ("shares.convertibles", "convertibles"),
        ("segments", "segments"),
        ("operations.taxRate.byYear", "series"),
    ],
)
def test_a_list_is_what_stands_at_its_path(path: str, arm: str) -> None:
    assert typed(f"set {path} []") == Typed("set", (path,), {arm: []})


def inputs_below(kind: GraphQLInputObjectType, path: str = "") -> Iterator[tuple[str, Any]]:
    """Path and type of every group of inputs, and of every list of them, however deep."""
    for name, field in kind.fields.items():
        inner = get_named_type(field.type)
        if isinstance(inner, GraphQLInputObjectType):
            listed = isinstance(get_nullable_type(field.type), GraphQLList)
            yield f"{path}{name}", (inner, listed)
            yield from inputs_below(inner, f"{path}{name}{'[0]' if listed else ''}.")


def test_what_stands_in_a_model_of_any_kind_can_be_typed() -> None:
    """Every list of groups, and every group that `EditValue` takes as a whole."""
    types = GRAPHQL.type_map
    edit, kinds = types["EditValue"], types[INPUTS]
    assert isinstance(edit, GraphQLInputObjectType)
    assert isinstance(kinds, GraphQLInputObjectType)
    arms = {
        name: (
            get_named_type(field.type),
            isinstance(get_nullable_type(field.type), GraphQLList),
        )
        for name, field in edit.fields.items()
    }
    wholes = {inner for inner, listed in arms.values() if not listed}
    for kind in kinds.fields.values():
        for path, (inner, listed) in inputs_below(cast("Any", get_named_type(kind.type))):
            if listed or inner in wholes:
                ((arm, _),) = edit_value(path, "[]" if listed else "{}").items()
                # A schedule is given as a whole, and not its stages alone.
                assert path.endswith(".stages") or arms[arm] == (inner, listed), path


def test_words_of_a_command_are_read() -> None:
    assert typed("  move   capital.wacc ") == Typed("move", ("capital.wacc",))
    assert typed("select a.b  c.d") == Typed("select", ("a.b", "c.d"))
    assert typed("select") == Typed("select")
    assert typed("who") == Typed("who")
    assert typed("value") == Typed("value")
    assert typed("value bear") == Typed("value", ("bear",))
    assert typed("\n") is None


@pytest.mark.parametrize(
    "line", ["jump", "move", "move a b", "set", "set capital.wacc", "value a b", "WHO"]
)
def test_what_is_no_command_is_answered_with_all_there_are(line: str) -> None:
    with pytest.raises(Misspelt, match="select PATH…"):
        typed(line)


def test_whoever_comes_in_reads_what_it_is_and_who_is_there() -> None:
    assert Room().lines(first()) == ["Orchard (DCF), revision 7", "You are Ada. With you: Bob"]


def test_two_connections_of_one_member_are_told_apart() -> None:
    room = Room()
    again = {"id": "p3", "member": {"name": "Ada"}}
    room.lines(first())
    assert room.lines(batch(joined=[again])) == ["Ada 2 came"]
    assert room.lines(batch(cursors=[{"participant": "p3", "path": "a.b"}])) == [
        "Ada 2 points at a.b"
    ]


def test_one_s_own_cursor_is_not_told_and_is_known(room: Room) -> None:
    cursors = [{"participant": "p1", "path": "a.b"}, {"participant": "p2", "path": "c.d"}]
    assert room.lines(batch(cursors=cursors)) == ["Bob points at c.d"]
    assert room.lines(batch(cursors=cursors)) == []  # as it was
    selections = [{"participant": "p1", "paths": ["x.y"]}, {"participant": "p2", "paths": []}]
    assert room.lines(batch(selections=selections)) == []
    assert room.who() == ["Ada (you), at a.b, with x.y selected", "Bob, at c.d"]


def test_whoever_left_is_forgotten(room: Room) -> None:
    room.lines(batch(cursors=[{"participant": "p2", "path": "c.d"}]))
    assert room.lines(batch(left=["p2"])) == ["Bob left"]
    assert room.lines(batch(left=["p2", "p9"])) == []
    assert room.who() == ["Ada (you)"]


def test_a_new_list_of_members_is_told_by_what_is_different(room: Room) -> None:
    carol = {"id": "p4", "member": {"name": "Carol"}}
    assert room.lines(batch(members=[ME, carol])) == ["Bob left", "Carol came"]


def test_an_edit_is_told_once_in_the_field_s_words(room: Room) -> None:
    assert room.lines(batch(seq=8, edits=[edit(8)])) == ["Bob: WACC from 9 % to 8 % (revision 8)"]
    assert room.lines(batch(seq=8, edits=[edit(8)])) == []
    assert room.lines(batch(seq=9, edits=[edit(9, name=None)])) == [
        "Somebody who has left: WACC from 9 % to 8 % (revision 9)"
    ]
    assert room.lines(batch(seq=10, edits=[edit(10, "")])) == ["Bob: nothing changed (revision 10)"]


def test_an_edit_of_one_s_own_is_told_by_its_answer_and_hides_none_of_the_others(
    room: Room,
) -> None:
    assert not room.behind
    assert room.made(edit(9, name="Ada")) == ["Ada: WACC from 9 % to 8 % (revision 9)"]
    assert room.behind
    told = room.lines(batch(seq=9, edits=[edit(8), edit(9, name="Ada")]))
    assert told == ["Bob: WACC from 9 % to 8 % (revision 8)"]
    assert not room.behind


def test_edits_that_come_with_the_model_are_told_after_it() -> None:
    assert Room().lines(first(edits=[edit(8)]))[-1] == "Bob: WACC from 9 % to 8 % (revision 8)"


def test_whoever_comes_back_reads_what_was_missed_and_no_more(room: Room) -> None:
    back = {"id": "p5", "member": {"name": "Ada"}}
    told = room.lines(batch(me=back, seq=9, members=[back, BOB], edits=[edit(8), edit(9)]))
    assert told[0] == "Here again. With you: Bob"
    assert [line.rpartition("(")[2] for line in told[1:]] == ["revision 8)", "revision 9)"]
    assert room.seq == 9


def test_too_much_to_tell_is_said_and_counted_on_from(room: Room) -> None:
    model = {"name": "Orchard", "kind": "DCF", "revision": 9_000}
    assert room.lines(batch(seq=9_000, resync=True, model=model)) == [
        "Too much has happened to tell: this is revision 9000"
    ]
    assert room.seq == 9_000


def test_a_value_is_told_when_it_is_another() -> None:
    room = Room()
    valued = {"__typename": "DcfValuation", "valuePerShare": 1234.5, "currency": "USD"}
    worth = {"basedOnSeq": 7, "valuation": valued}
    assert room.lines(first(valuation=worth))[-1] == "Worth 1,234.50 USD a share (at revision 7)"
    assert room.lines(batch(valuation=worth | {"basedOnSeq": 8})) == []
    none = {"basedOnSeq": 9, "valuation": None, "refusal": {"message": "No."}}
    assert room.lines(batch(valuation=none)) == ["No value: No. (at revision 9)"]


def test_one_thing_to_mend_is_told_alone() -> None:
    issue = {"path": "capital.wacc", "message": "It is too high.", "suggestion": "Lower it."}
    no = {"message": "1 input needs mending.", "issues": [issue], "conflicts": []}
    assert refusal(no) == ["capital.wacc: It is too high. Lower it."]
    no["issues"] = [issue | {"path": "edits[0].value"}]
    assert refusal(no) == ["It is too high. Lower it."]
    no["issues"] = [issue, issue]
    assert refusal(no) == [
        "1 input needs mending.",
        *2 * ["  capital.wacc: It is too high. Lower it."],
    ]


def test_what_stands_there_now_is_told_with_a_conflict() -> None:
    stale = {"path": "name", "value": "Čapek", "revision": 9}
    no = {"message": "Somebody was faster.", "issues": [], "conflicts": [stale]}
    assert refusal(no) == ["Somebody was faster.", '  name is "Čapek" since revision 9']
