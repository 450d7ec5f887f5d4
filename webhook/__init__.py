"""Pullproof: predict what a Kubernetes node will do when it pulls an image."""
