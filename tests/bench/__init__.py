"""Measurements: each module prints ours, the floor and the ratio. Run one with `python -m tests.bench.NAME`."""
