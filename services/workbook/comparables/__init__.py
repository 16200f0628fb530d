"""A comparison as sheets: the peers' multiples, what they are made of, and what they imply."""

from services.workbook.comparables.sheets import add_comparables

__all__ = ["add_comparables"]
