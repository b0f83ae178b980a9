"""Values that templates show, made from the stages' rows."""
