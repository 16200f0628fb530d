"""Faults while people work: see `__main__`."""
