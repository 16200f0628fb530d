"""The kinds of valuation, as the schema says them."""
