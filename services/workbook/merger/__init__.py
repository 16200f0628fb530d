"""A merger as a workbook: the offer, the allocation of its price, and the years after it."""

from services.workbook.merger.writer import add_merger

__all__ = ["add_merger"]
