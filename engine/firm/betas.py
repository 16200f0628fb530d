"""A beta from comparable firms: each observed one unlevered, their median levered again."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from engine.door import Door, Scalar, real
from engine.names import is_line

BETA_BOUNDS = (-1.0, 5.0)
MAX_PEERS = 30  # of one valuation; more would be an industry, whose beta is known as one


class Unlevering(StrEnum):
    """What a firm's debt adds to its beta.

    HAMADA: debt is fixed in money, so the tax it saves is as safe as the debt itself:
    beta = unlevered (1 + (1 - t) D/E) (Hamada, Journal of Finance 27, 1972, pp. 435-452).
    HARRIS_PRINGLE: debt is a fixed share of value, so the tax it saves is as risky as the firm:
    beta = unlevered (1 + D/E) (Harris and Pringle, Journal of Financial Research 8, 1985,
    pp. 237-244). Both take the beta of debt as zero.
    """

    HAMADA = "HAMADA"
    HARRIS_PRINGLE = "HARRIS_PRINGLE"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Peer:
    """A listed firm in the same business."""

    name: str
    beta: Scalar  # levered, as observed
    debt_to_equity: Scalar  # at market values
    tax_rate: Scalar  # marginal, its own


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Comparables:
    """Peers, and how the betas of the business are read from theirs."""

    peers: tuple[Peer, ...]
    unlevering: Unlevering = Unlevering.HAMADA
    blume: bool = False  # draw every observed beta a third of the way to 1

    def observed_betas(self) -> tuple[Scalar, ...]:
        """(n_peers, *batch) levered; after Blume's adjustment, where it was asked for.

        2/3 beta + 1/3 (Blume, Journal of Finance 30, 1975, pp. 785-795, rounded as the trade does).
        """
        if not self.blume:
            return tuple(peer.beta for peer in self.peers)
        return tuple((2.0 * peer.beta + 1.0) / 3.0 for peer in self.peers)

    def unlevered_betas(self) -> tuple[Scalar, ...]:
        """(n_peers, *batch) what each peer's beta would be without its debt."""
        return tuple(
            beta / self._leverage(peer.debt_to_equity, peer.tax_rate)
            for beta, peer in zip(self.observed_betas(), self.peers, strict=True)
        )

    def unlevered_beta(self) -> Scalar:
        """(*batch) the median of the peers'."""
        return median(self.unlevered_betas())

    def relevered_beta(self, debt_weight: Scalar, tax_rate: Scalar) -> Scalar:
        """(*batch) the median at a firm's own debt, D / (D + E) below 1, and marginal tax rate."""
        return self.unlevered_beta() * self._leverage(debt_weight / (1.0 - debt_weight), tax_rate)

    def _leverage(self, debt_to_equity: Scalar, tax_rate: Scalar) -> Scalar:
        if self.unlevering is Unlevering.HARRIS_PRINGLE:
            return 1.0 + debt_to_equity
        return 1.0 + (1.0 - tax_rate) * debt_to_equity

    def check(self, door: Door, path: str) -> None:
        if not 1 <= len(self.peers) <= MAX_PEERS:
            door.refuse(
                f"{path}.peers",
                "WRONG_LENGTH",
                f"{len(self.peers)} comparable firms are given.",
                f"Give 1 to {MAX_PEERS}; five to ten close ones say more than many.",
            )
        for number, peer in enumerate(self.peers[:MAX_PEERS]):
            where = f"{path}.peers[{number}]"
            if not is_line(peer.name, _NAME_MOST):
                door.refuse(
                    f"{where}.name",
                    "WRONG_LENGTH",
                    f"A comparable firm's name is one line of 1 to {_NAME_MOST} characters.",
                    "Give a name that can be read, such as its ticker.",
                )
            for name, low, high in _PEER_BOUNDS:
                door.within(f"{where}.{name}", getattr(peer, name), low, high)


_NAME_MOST = 80
_PEER_BOUNDS = (("beta", *BETA_BOUNDS), ("debt_to_equity", 0.0, 20.0), ("tax_rate", 0.0, 0.9))


def median(values: tuple[Scalar, ...]) -> Scalar:
    """(*batch) the middle of one or more, or the mean of the middle two, in each scenario.

    Ordered by real parts, so that a complex step goes through the ones that are in the middle.
    """
    upper = len(values) // 2
    lower = upper - 1 + len(values) % 2
    if all(isinstance(value, float | int) for value in values):
        ordered = sorted(values, key=real)
        low, high = ordered[lower], ordered[upper]
    else:
        rows = np.stack(np.broadcast_arrays(*values))  # (n, *batch)
        places = np.argsort(rows.real, axis=0, kind="stable")[[lower, upper]]
        low, high = np.take_along_axis(rows, places, axis=0)
    return low if lower == upper else 0.5 * (low + high)
