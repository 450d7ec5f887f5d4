"""Pullproof: predict what a Kubernetes node will do when it pulls an image."""

__version__ = "0.1.0"
