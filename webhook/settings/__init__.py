"""The configuration: decoded once, unknown keys refused, its JSON Schema published from the same types.

loading     a path -> Settings (the only module here that touches the disk)
decoding    text -> Settings, or InvalidSettings with file and line
schema      the types and their defaults
checktable  the options of the checks, derived from CHECKS
publishing  the JSON Schema, and the effective settings as YAML
policy      Settings -> Policy
"""
