"""The distribution (v2) API, asked as containerd asks it."""
