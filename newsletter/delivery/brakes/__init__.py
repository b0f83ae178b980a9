"""Campaigns that stop by themselves: counts, thresholds, verdicts."""
