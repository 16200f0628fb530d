"""Presence is right whatever comes twice, late, or never."""

from __future__ import annotations

import random
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collab.presence import GONE, Changes, Cursor, Participant, Presence


def ada(id_: str = "ada", member: int = 1) -> Participant:
    return Participant(id=id_, member_id=UUID(int=member), name="Ada", role="ANALYST", colour=0)


def at(path: str) -> Cursor:
    return Cursor(path, 0.5, 0.5)


def room(*ids: str) -> Presence:
    presence = Presence()
    for id_ in ids:
        presence.enter(ada(id_))
    return presence


def test_the_newest_move_counts_and_an_older_one_changes_nothing() -> None:
    presence = room("ada")
    assert presence.move("ada", 2, at("capital.wacc"))
    version = presence.version
    assert not presence.move("ada", 1, at("shares.diluted"))
    assert not presence.move("ada", 2, at("shares.diluted"))
    assert presence.version == version
    assert presence.everything().cursors == (("ada", at("capital.wacc")),)


def test_a_stranger_neither_points_nor_selects() -> None:
    presence = room()
    assert not presence.move("eve", 1, at("name"))
    assert not presence.select("eve", 1, ("name",))
    assert not presence.everything()


def test_who_left_stays_away_and_takes_the_cursor_along() -> None:
    presence = room("ada", "bob")
    presence.move("ada", 1, at("name"))
    presence.select("ada", 1, ("name",))
    version = presence.version
    assert presence.leave("ada")
    assert not presence.leave("ada")
    assert not presence.enter(ada("ada"))
    assert not presence.move("ada", 2, at("unit"))
    assert presence.since(version) == Changes(left=("ada",))
    assert presence.everything() == Changes(joined=(ada("bob"),))


def test_word_of_a_leave_that_overtakes_the_join_is_not_forgotten() -> None:
    presence = room()
    assert not presence.leave("ada")
    assert not presence.enter(ada("ada"))
    assert presence.members == {}


def test_many_moves_are_one_change() -> None:
    presence = room("ada")
    version = presence.version
    for count in range(1, 1_001):
        presence.move("ada", count, at(f"operations.revenueGrowth[{count}]"))
    assert presence.since(version) == Changes(
        cursors=(("ada", at("operations.revenueGrowth[1000]")),)
    )
    assert presence.since(presence.version) == Changes()


def test_a_list_lets_in_and_out_but_spares_whom_it_may_not_know_yet() -> None:
    presence = room("ada", "bob", "cleo")
    listed = {"bob": ada("bob"), "dora": ada("dora")}
    assert presence.adopt(listed, keep={"cleo"})
    assert set(presence.members) == {"bob", "cleo", "dora"}
    assert not presence.adopt(listed, keep=())
    assert set(presence.members) == {"bob", "dora"}


def test_who_was_dropped_from_the_list_may_come_back_and_who_said_goodbye_may_not() -> None:
    presence = room("ada", "bob")
    version = presence.version
    presence.adopt({}, keep=())
    assert presence.since(version) == Changes(left=("ada", "bob"))
    presence.leave("bob")
    assert presence.enter(ada("ada"))
    assert not presence.enter(ada("bob"))
    assert presence.since(version) == Changes(left=("ada", "bob"), joined=(ada("ada"),))
    assert presence.move("ada", 1, at("name"))


def test_who_was_away_for_too_long_is_told_everything() -> None:
    presence = room("ada")
    version = presence.version
    for number in range(GONE + 1):
        presence.enter(ada(f"guest {number}"))
        presence.leave(f"guest {number}")
    assert presence.since(version) is None
    assert presence.since(presence.version) == Changes()
    assert presence.everything() == Changes(joined=(ada(),))


def test_it_does_not_grow_with_those_who_were_there() -> None:
    presence = room("ada")
    for number in range(10 * GONE):
        id_ = f"guest {number}"
        presence.enter(ada(id_))
        presence.move(id_, 1, at("name"))
        presence.select(id_, 1, ("name",))
        presence.leave(id_)
    assert len(presence._gone) == GONE
    assert len(presence._changes) <= GONE + 1
    assert (len(presence.members), presence.cursors, presence.selections) == (1, {}, {})


IDS = st.sampled_from("abcd")
EVENTS = st.lists(
    st.one_of(
        st.tuples(st.just("enter"), IDS),
        st.tuples(st.just("leave"), IDS),
        st.tuples(st.just("drop"), IDS),
        st.tuples(st.just("move"), IDS, st.integers(1, 5)),
        st.tuples(st.just("select"), IDS, st.integers(1, 5)),
    ),
    max_size=40,
)


def apply(presence: Presence, event: tuple[str, str] | tuple[str, str, int]) -> None:
    match event:
        case ("enter", id_):
            presence.enter(ada(id_))
        case ("leave", id_):
            presence.leave(id_)
        case ("drop", id_):
            listed = {key: who for key, who in presence.members.items() if key != id_}
            presence.adopt(listed, keep=())
        case ("move", id_, count):
            presence.move(id_, count, at(f"{id_}{count}"))
        case ("select", id_, count):
            presence.select(id_, count, (f"{id_}{count}",))


@given(EVENTS, st.lists(st.integers(0, 40)))
def test_whoever_follows_the_changes_knows_what_whoever_comes_now_is_told(
    events: list[tuple[str, str]], looks: list[int]
) -> None:
    presence = Presence()
    seen = 0
    members: dict[str, Participant] = {}
    cursors: dict[str, Cursor] = {}
    selections: dict[str, tuple[str, ...]] = {}
    for number, event in enumerate(events):
        apply(presence, event)
        if number in looks or number == len(events) - 1:
            changes = presence.since(seen)
            assert changes is not None
            seen = presence.version
            for id_ in changes.left:
                for known in (members, cursors, selections):
                    known.pop(id_, None)
            members |= {who.id: who for who in changes.joined}
            cursors |= dict(changes.cursors)
            selections |= dict(changes.selections)
    told = presence.everything()
    assert members == {who.id: who for who in told.joined}
    assert cursors == dict(told.cursors)
    assert selections == dict(told.selections)


@pytest.mark.parametrize("times", [1, 3])
@given(events=EVENTS, chance=st.randoms())
def test_cursors_and_selections_are_the_same_in_any_order_and_however_often(
    events: list[tuple[str, str]], chance: random.Random, times: int
) -> None:
    moved = [event for event in events if event[0] in ("move", "select")]
    shuffled = moved * times
    chance.shuffle(shuffled)
    plain, shaken = room(*"abcd"), room(*"abcd")
    for event in moved:
        apply(plain, event)
    for event in shuffled:
        apply(shaken, event)
    assert (plain.cursors, plain.selections) == (shaken.cursors, shaken.selections)
