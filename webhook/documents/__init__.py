"""Kubernetes objects from files, folders and standard input, with the line and column of every image."""
