"""A campaign from its start to its end: schedules, freeze, stages, and what people decide about it."""
