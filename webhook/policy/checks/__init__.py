"""One file per check, named after its code; the docstring of each is its manual page (pure)."""
