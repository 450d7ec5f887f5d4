"""An embedded registry and sample workloads, for `pullproof demo` and for tests (I/O)."""
