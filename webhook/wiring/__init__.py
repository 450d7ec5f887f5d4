"""The composition root: Settings to an open Pipeline; owns clients and tasks (I/O)."""
