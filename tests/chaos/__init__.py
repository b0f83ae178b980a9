"""Chaos: what delivery promises, held against kills, partitions, full disks and jumping clocks (docs/reliability.md)."""
