"""A valuation as a workbook with live formulas: what an analyst sends, and a reader may change."""
