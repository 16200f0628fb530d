"""Python imports this by itself, at the start of every process whose PYTHONPATH has its folder."""

from benchmarks.faults.sabotage import arm

arm()
