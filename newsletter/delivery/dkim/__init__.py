"""DKIM keys of this installation: made, published, rotated, and chosen for a From address."""
