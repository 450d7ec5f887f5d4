"""Pod-bearing objects and the images they would pull (pure)."""
