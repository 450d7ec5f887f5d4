"""A registry made of data, and the walk through sample pods that uses it.

One core answers the v2 API; personalities say how each registry of the world differs from it, and rules say what goes
wrong. It serves the demo, the tests and, inside a one-node cluster, real nodes.
"""
