"""Promises that are measured, not declared: counts, objectives, metrics, traces, logs, health."""
