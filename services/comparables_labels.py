"""What the inputs of a comparison are called."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from services.firm_labels import ASSUMPTIONS, BRIDGE, SHARES
from services.labels import Form, Label, Labels

_MONEY = Form.MONEY
_MULTIPLES: Final = {
    "EV_TO_REVENUE": "EV/revenue",
    "EV_TO_EBITDA": "EV/EBITDA",
    "EV_TO_EBIT": "EV/EBIT",
    "PRICE_TO_EARNINGS": "P/E",
}
_LINES: Final = {
    "revenue": "Revenue",
    "ebitda": "EBITDA",
    "ebit": "EBIT",
    "netIncome": "Net income",
}


def name_of_multiple(asked: Mapping[str, Any]) -> str:
    """What was asked about, such as “EV/EBITDA LTM, trading”."""
    kind = f", {asked['kind'].lower()}" if asked["kind"] else ""
    return f"{_MULTIPLES[asked['multiple']]} {asked['period']}{kind}"


def _metrics(at: str, whose: str) -> Labels:
    """What a firm earns, stated or by fiscal years; ``whose`` ends the words."""
    path = f"{at}.metrics"
    years = f"{path}.calendarised.fiscalYears"
    number = "{1}" if "{0}" in whose else "{0}"
    found = {
        path: Label(f"Earnings{whose}"),
        f"{path}.stated": Label(f"Stated earnings{whose}"),
        f"{path}.stated.ltm": Label(f"Last twelve months{whose}"),
        f"{path}.stated.ntm": Label(f"Next twelve months{whose}"),
        f"{path}.calendarised": Label(f"Earnings by fiscal year{whose}"),
        years: Label(f"Fiscal years{whose}"),
        f"{years}[].end": Label(f"End of fiscal year {number}{whose}"),
    }
    for name, words in _LINES.items():
        found[f"{path}.stated.ltm.{name}"] = Label(f"{words}, last twelve months{whose}", _MONEY)
        found[f"{path}.stated.ntm.{name}"] = Label(f"{words}, next twelve months{whose}", _MONEY)
        found[f"{years}[].{name}"] = Label(f"{words}, fiscal year {number}{whose}", _MONEY)
    return found


def _firm(at: str, whose: str) -> Labels:
    """Its bridge and shares, the firm's number first where it has one."""
    found = {}
    for path, label in {**BRIDGE, **SHARES}.items():
        number = "{1}" if "{0}" in whose else "{0}"
        found[f"{at}.{path}"] = Label(label.words.replace("{}", number) + whose, label.form)
    return found


COMPARABLES_LABELS: Final[Labels] = {
    "asOf": Label("Day of the comparison"),
    "subject.name": Label("Name of the firm"),
    **_metrics("subject", " of the firm"),
    **_firm("subject", " of the firm"),
    "peers": Label("Comparable firms"),
    "peers[].name": Label("Name of comparable {}"),
    "peers[].kind": Label("Kind of comparable {}", Form.CHOICE),
    "peers[].enterpriseValue": Label("Enterprise value of comparable {}", _MONEY),
    "peers[].sharePrice": Label("Share price of comparable {}", Form.PRICE),
    "peers[].announced": Label("Announcement of comparable {}"),
    **_metrics("peers[]", " of comparable {0}"),
    "peers[].bridge": Label("Bridge of comparable {}"),
    "peers[].shares": Label("Shares of comparable {}"),
    **_firm("peers[]", " of comparable {0}"),
    "multiples": Label("Multiples"),
    "multiples[].multiple": Label("Multiple {}", Form.CHOICE),
    "multiples[].period": Label("Period of multiple {}", Form.CHOICE),
    "multiples[].kind": Label("Peers of multiple {}", Form.CHOICE),
    "currency": Label("Currency"),
    "marketPrice": Label("Market price", Form.PRICE),
    **ASSUMPTIONS,
}
