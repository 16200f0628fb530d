"""Credit: what a firm's shares say of its debt, by Merton's model."""

from engine.credit.inputs import INPUT_VERSION, CreditInputs
from engine.credit.kernel import CreditOutput
from engine.credit.value import (
    Certificate,
    CreditResult,
    CreditValuation,
    credit_question,
    value_credit,
)

__all__ = [
    "INPUT_VERSION",
    "Certificate",
    "CreditInputs",
    "CreditOutput",
    "CreditResult",
    "CreditValuation",
    "credit_question",
    "value_credit",
]
