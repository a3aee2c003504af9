"""Benchmarks of the simulator's speed, memory and realism, and the baselines it is measured against."""
