"""A PolicyReport as it is kept in a cluster: one for each namespace, the worst first, and never too large (pure).

An object of etcd may have 1.5 MiB, and whoever lists reports reads all of them, so results beyond the bounds are left
out. The summary counts them nevertheless, and an annotation says how many there are. Another tells the content, so that
a report that would stay as it is need not be written.
"""

import json
from collections.abc import Iterable, Mapping
from hashlib import sha256

from webhook.policy.decision import Outcome
from webhook.reports.policy_report import report_of
from webhook.reports.report import ReportedImage
from webhook.reports.shape import Shape

CONTENT = "pullproof.dev/content"
LEFT_OUT = "pullproof.dev/left-out"
OWNED = "pullproof.dev/instance"

MOST = 500
LARGEST = 256 * 1024

_WORST_FIRST = {outcome.value: place for place, outcome in enumerate((Outcome.FAIL, Outcome.ERROR, Outcome.WARN))}


def stored_report(
    namespace: str,
    images: Iterable[ReportedImage],
    *,
    name: str,
    owner: Mapping[str, str] | None = None,
    most: int = MOST,
    largest: int = LARGEST,
) -> dict[str, Shape]:
    """Return the object called `name`; `owner` is the reference of what it is to vanish with. Bytes, as JSON."""
    report = report_of(namespace, images)
    every = report["results"]
    results = sorted(every, key=_badness) if isinstance(every, list) else []
    kept = _fitting(results, most, largest)
    annotations: dict[str, Shape] = {CONTENT: _digest([*kept, report["summary"]])}
    if len(kept) < len(results):
        annotations[LEFT_OUT] = str(len(results) - len(kept))
    metadata: dict[str, Shape] = {
        "name": name,
        "namespace": namespace,
        "labels": {"app.kubernetes.io/managed-by": "pullproof", OWNED: name},
        "annotations": annotations,
    }
    if owner:
        metadata["ownerReferences"] = [dict(owner)]
    return {**report, "metadata": metadata, "results": kept}


def _badness(result: Shape) -> int:
    word = result.get("result") if isinstance(result, dict) else None
    return _WORST_FIRST.get(word, len(_WORST_FIRST)) if isinstance(word, str) else len(_WORST_FIRST)


def _fitting(results: list[Shape], most: int, largest: int) -> list[Shape]:
    kept: list[Shape] = []
    size = 0
    for result in results[:most]:
        size += len(json.dumps(result))
        if size > largest:
            break
        kept.append(result)
    return kept


def _digest(content: list[Shape]) -> str:
    return sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:32]
