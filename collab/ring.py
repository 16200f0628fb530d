"""The newest operations of a model's log, in order and without a gap."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Generic, Protocol, TypeVar

SIZE: Final = 1_024


class Operation(Protocol):
    """One entry of a log; what else it says is not the rooms' business."""

    @property
    def seq(self) -> int:
        """1, 2, 3, … for each model."""


O = TypeVar("O", bound=Operation)  # noqa: E741 - the operations of a log


class Ring(Generic[O]):
    """The operations (base, seq]; nothing that is not the next one gets in."""

    def __init__(self, seq: int) -> None:
        self.base = self.seq = seq
        self._kept: dict[int, O] = {}

    def append(self, operations: Sequence[O]) -> bool:
        """Take what is next, and forget the oldest. Whether anything was."""
        before = self.seq
        for operation in operations:
            if operation.seq == self.seq + 1:
                self.seq += 1
                self._kept[self.seq] = operation
        while self.seq - self.base > SIZE:
            self.base += 1
            del self._kept[self.base]
        return self.seq > before

    def precede(self, operations: Sequence[O]) -> None:
        """Take what comes just before, as far as there is room."""
        for operation in reversed(operations):
            if operation.seq == self.base and self.seq - self.base < SIZE:
                self._kept[self.base] = operation
                self.base -= 1

    def after(self, seq: int, limit: int) -> list[O] | None:
        """The first ``limit`` after ``seq``; None when some of them are older than the ring."""
        if seq < self.base:
            return None
        return [self._kept[number] for number in range(seq + 1, min(self.seq, seq + limit) + 1)]
