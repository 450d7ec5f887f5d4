"""One file per check; its docstring is its manual page (pure)."""
