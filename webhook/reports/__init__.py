"""One file per output format (pure)."""
