"""Label selectors (pure): whether one selects what has these labels, whether it may, and how it is asked for.

The rules are metav1.LabelSelector's: all of matchLabels and all of matchExpressions must hold, and an empty selector
selects everything (apimachinery pkg/labels).
"""

from collections.abc import Mapping
from typing import Final

import msgspec

_ADDED_LATER: Final = (
    "pod-template-hash",
    "pod-template-generation",
    "controller-revision-hash",
    "controller-uid",
    "job-name",
    "batch.kubernetes.io/",
    "apps.kubernetes.io/",
    "statefulset.kubernetes.io/",
    "topology.kubernetes.io/",
)
"""Labels that controllers and the API server give to pods that are made of a template."""


class _Requirement(msgspec.Struct):
    key: str = ""
    operator: str = ""
    values: list[str] | None = None


class LabelSelector(msgspec.Struct, rename="camel"):
    """A selector as the API server sends it."""

    match_labels: dict[str, str] | None = None
    match_expressions: list[_Requirement] | None = None

    def selects(self, labels: Mapping[str, str]) -> bool:
        """Tell whether an object with exactly these labels is selected."""
        return all(_holds(each, labels) for each in self._requirements())

    def may_select(self, labels: Mapping[str, str]) -> bool:
        """Tell whether a pod of a template with these labels may be: it may get some, and not have all of them."""
        return all(_may_hold(each, labels) for each in self._requirements())

    def query(self) -> str:
        """Return it as the API takes it in a query."""
        terms = [equal(self.match_labels or {}), *map(_term, self.match_expressions or ())]
        return ",".join(term for term in terms if term)

    def _requirements(self) -> list[_Requirement]:
        equal = [_Requirement(key, "In", [value]) for key, value in (self.match_labels or {}).items()]
        return equal + (self.match_expressions or [])


def equal(labels: Mapping[str, str]) -> str:
    """Return the query for what has all of these labels."""
    return ",".join(f"{key}={value}" for key, value in labels.items())


def _term(requirement: _Requirement) -> str:
    match requirement.operator:
        case "Exists":
            return requirement.key
        case "DoesNotExist":
            return f"!{requirement.key}"
        case operator:
            return f"{requirement.key} {operator.lower()} ({','.join(requirement.values or ())})"


def _holds(requirement: _Requirement, labels: Mapping[str, str]) -> bool:
    value = labels.get(requirement.key)
    match requirement.operator:
        case "In":
            return value in (requirement.values or ())
        case "NotIn":
            return value not in (requirement.values or ())
        case "Exists":
            return value is not None
        case "DoesNotExist":
            return value is None
    return True  # an operator of a later release


def _may_hold(requirement: _Requirement, labels: Mapping[str, str]) -> bool:
    positive = requirement.operator in ("In", "Exists")
    return not positive or requirement.key.startswith(_ADDED_LATER) or _holds(requirement, labels)
