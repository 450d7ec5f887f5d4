"""The Kubernetes API, behind the pipeline's protocols (I/O)."""
