"""A ring has no gap, whatever is put into it."""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from collab.ring import SIZE, Ring


@dataclass(frozen=True)
class Op:
    seq: int


def ops(first: int, last: int) -> list[Op]:
    return [Op(seq) for seq in range(first, last + 1)]


def test_it_gives_what_comes_after_a_seq_in_batches() -> None:
    ring: Ring[Op] = Ring(10)
    assert ring.append(ops(11, 20))
    assert ring.after(10, 4) == ops(11, 14)
    assert ring.after(18, 4) == ops(19, 20)
    assert ring.after(20, 4) == []
    assert ring.after(99, 4) == []
    assert ring.after(9, 4) is None


def test_what_is_not_next_is_not_taken() -> None:
    ring: Ring[Op] = Ring(10)
    assert not ring.append(ops(12, 13))
    assert ring.append([*ops(9, 12), *ops(11, 12), *ops(14, 15)])
    assert ring.after(10, 9) == ops(11, 12)


def test_it_keeps_the_newest_and_says_what_it_no_longer_has() -> None:
    ring: Ring[Op] = Ring(0)
    ring.append(ops(1, 3 * SIZE))
    assert (ring.base, ring.seq) == (2 * SIZE, 3 * SIZE)
    assert ring.after(2 * SIZE - 1, 1) is None
    assert ring.after(2 * SIZE, 1) == [Op(2 * SIZE + 1)]
    assert len(ring._kept) == SIZE


def test_older_ones_are_put_before_as_far_as_there_is_room() -> None:
    ring: Ring[Op] = Ring(2_000)
    ring.precede(ops(1_900, 1_950))  # a gap
    assert ring.base == 2_000
    ring.precede(ops(1_900, 2_010))  # what is newer is not taken this way
    assert (ring.base, ring.seq) == (1_899, 2_000)
    assert ring.after(1_899, 2) == ops(1_900, 1_901)
    ring.precede(ops(1, 1_899))
    assert ring.base == 2_000 - SIZE


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 60), st.integers(0, 60))))
def test_it_never_has_a_gap(moves: list[tuple[bool, int, int]]) -> None:
    ring: Ring[Op] = Ring(30)
    for forward, first, last in moves:
        (ring.append if forward else ring.precede)(ops(first, last))
        assert ring.after(ring.base, 99) == ops(ring.base + 1, ring.seq)
