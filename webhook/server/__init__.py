"""The admission webhook's HTTP server (I/O)."""
