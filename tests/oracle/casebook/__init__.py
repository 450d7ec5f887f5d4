"""The cases, a module for each family."""

from dataclasses import replace

from case import Case

from casebook import (
    challenges,
    keyrings,
    logins,
    manifests,
    mirrors,
    network,
    nodes,
    platforms,
    policies,
    references,
    registries,
    secrets,
    workloads,
)

FAMILIES = (
    *(references, secrets, keyrings, challenges, registries, logins, manifests, platforms),
    *(policies, workloads, network, mirrors, nodes),
)


def all_cases() -> list[Case]:
    """Return every case, by family."""
    return [replace(case, family=module.__name__.rpartition(".")[2]) for module in FAMILIES for case in module.cases()]
