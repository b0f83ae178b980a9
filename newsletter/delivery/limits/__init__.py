"""How fast, how many at once, and whether at all: limits, warm-up plans, sending hours and breakers (T1, T2, T4, T6)."""
