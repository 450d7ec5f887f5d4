"""What Pullproof said of a case, read from the API server's answer and its audit log (pure)."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from kube import Reply

HYGIENE = frozenset({"latest-tag", "unpinned-digest", "tag-moved", "docker-hub-quota-low"})
"""Codes that say nothing of whether the image can be pulled now."""

WEBHOOK = "validate.pullproof.dev"


class Said(StrEnum):
    """The verdict, from worst to best; the columns of the matrix."""

    NO_ANSWER = "no answer"
    """the webhook failed or was too slow: the API server's failurePolicy decided"""
    DENIED = "denied"
    WARNED = "warned"
    UNVERIFIED = "not verified"
    ALLOWED = "allowed"


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What was said; `findings` are pairs of code and class, `text` is the denial or the warnings."""

    said: Said
    findings: tuple[tuple[str, str], ...] = ()
    text: str = ""

    @property
    def codes(self) -> tuple[str, ...]:
        """Return the codes that speak of the pull."""
        return tuple(code for code, _ in self.findings if code not in HYGIENE)


def verdict(reply: Reply, annotations: Mapping[str, Mapping[str, str]]) -> Verdict:
    """Return the verdict that an answer and its audit annotations tell."""
    items = json.loads(annotations.get(reply.audit_id, {}).get(f"{WEBHOOK}/findings", "[]"))
    findings = tuple(
        (item["code"], item["class"]) for item in items if item.get("container") in ("judged", "v") and "code" in item
    )
    if f'admission webhook "{WEBHOOK}" denied the request' in reply.message:
        return Verdict(said=Said.DENIED, findings=findings, text=reply.message.partition(": ")[2])
    if "failed calling webhook" in reply.message:
        return Verdict(said=Said.NO_ANSWER, text=reply.message)
    speaking = {cls for code, cls in findings if code not in HYGIENE}
    said = Said.UNVERIFIED if speaking == {"error"} else Said.WARNED if speaking else Said.ALLOWED
    return Verdict(said=said, findings=findings, text="\n".join(reply.warnings))


def audited(log: Iterable[str]) -> dict[str, dict[str, str]]:
    """Return the annotations of every request in an audit log, by its id."""
    found: dict[str, dict[str, str]] = {}
    for line in log:
        event: Any = json.loads(line)
        found.setdefault(event["auditID"], {}).update(event.get("annotations") or {})
    return found
