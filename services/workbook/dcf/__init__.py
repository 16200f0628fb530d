"""A DCF as sheets: the cost of capital, each business, the equity, and what the value implies."""

from services.workbook.dcf.sheets import add_dcf

__all__ = ["add_dcf"]
