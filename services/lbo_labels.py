"""What an LBO's inputs are called."""

from __future__ import annotations

from typing import Final

from services.firm_labels import ASSUMPTIONS, OPERATIONS
from services.labels import Form, Label, Labels

_RATE, _MONEY, _TIMES = Form.RATE, Form.MONEY, Form.MULTIPLE

LBO_LABELS: Final[Labels] = {
    "timing.closingDate": Label("Closing date"),
    "timing.years": Label("Years of forecast"),
    "timing.fiscalYearEnd": Label("End of fiscal year 1"),
    **OPERATIONS,
    "entry.ltmEbitda": Label("EBITDA before closing", _MONEY),
    "entry.evToEbitda": Label("Entry EV/EBITDA", _TIMES),
    "entry.enterpriseValue": Label("Entry enterprise value", _MONEY),
    "entry.transactionFees": Label("Transaction fees", _MONEY),
    "entry.transactionFeeTreatment": Label("Transaction fees count as", Form.CHOICE),
    "entry.cashAtClosing": Label("Cash at closing", _MONEY),
    "tranches": Label("Tranches"),
    "tranches[].name": Label("Name of tranche {}"),
    "tranches[].kind": Label("Kind of tranche {}", Form.CHOICE),
    "tranches[].amount": Label("Amount of tranche {}", _MONEY),
    "tranches[].timesEbitda": Label("Amount over EBITDA of tranche {}", _TIMES),
    "tranches[].commitment": Label("Commitment of tranche {}", _MONEY),
    "tranches[].undrawnFee": Label("Undrawn fee of tranche {}", _RATE),
    "tranches[].fixedRate": Label("Fixed rate of tranche {}", _RATE),
    "tranches[].spread": Label("Spread of tranche {}", _RATE),
    "tranches[].floor": Label("Floor of tranche {}", _RATE),
    "tranches[].pikRate": Label("PIK rate of tranche {}", _RATE),
    "tranches[].pikShare": Label("Share paid in kind of tranche {}", _RATE),
    "tranches[].pikPremium": Label("PIK premium of tranche {}", _RATE),
    "tranches[].oid": Label("Issue discount of tranche {}", _RATE),
    "tranches[].fee": Label("Financing fee of tranche {}", _RATE),
    "tranches[].tenor": Label("Tenor of tranche {}"),
    "tranches[].amortisation": Label("Amortisation of tranche {}", _RATE),
    "tranches[].swept": Label("Sweep of tranche {}"),
    "baseRate": Label("Base rate", _RATE),
    "cash": Label("Cash"),
    "cash.minimum": Label("Minimum cash", _MONEY),
    "cash.interestRate": Label("Interest on cash", _RATE),
    "cash.sweep": Label("Cash sweep", _RATE),
    "interest": Label("Interest on balances", Form.CHOICE),
    "writeOffFeesOnPrepayment": Label("Fees written off on prepayment", Form.CHOICE),
    "equity": Label("Equity"),
    "equity.rollover": Label("Rollover", _MONEY),
    "equity.optionPool": Label("Option pool", _RATE),
    "recapitalisation": Label("Recapitalisation"),
    "recapitalisation.year": Label("Year of the recapitalisation"),
    "recapitalisation.amount": Label("Debt of the recapitalisation", _MONEY),
    "recapitalisation.timesEbitda": Label("Debt of the recapitalisation over EBITDA", _TIMES),
    "recapitalisation.fixedRate": Label("Rate of the recapitalisation", _RATE),
    "recapitalisation.fee": Label("Fee of the recapitalisation", _RATE),
    "covenants": Label("Covenants"),
    "covenants[].measure": Label("Measure of covenant {}", Form.CHOICE),
    "covenants[].limit": Label("Limit of covenant {}", _TIMES),
    "exit.evToEbitda": Label("Exit EV/EBITDA", _TIMES),
    "exit.year": Label("Year of exit"),
    "exit.costs": Label("Exit costs", _RATE),
    "currency": Label("Currency"),
    **ASSUMPTIONS,
}
