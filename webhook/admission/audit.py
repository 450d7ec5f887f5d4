"""Audit annotations: what the audit log keeps of a verdict (pure).

The API server puts the webhook's name and a slash before each key and refuses keys that are no qualified names
(apiserver pkg/audit/context.go), so keys are plain words. Values are bounded: audit backends cut or drop large events.

| key | value |
|---|---|
| decision | denied, break-glass, warned or audited |
| findings | JSON list of {container, image, code, class, certainty}; `{"more": n}` last where it was cut |
"""

from collections.abc import Mapping

import msgspec

from webhook.admission.plaintext import clean, cut_middle
from webhook.policy.decision import Judged, Verdict
from webhook.policy.finding import Finding

_LARGEST = 4096
_LONGEST = 256


def annotations(verdict: Verdict) -> Mapping[str, str]:
    """Return the annotations for a verdict; empty where nothing is audited, denied or let through."""
    found = {(judged.image.field, finding.code) for judged, finding in verdict.denied}
    pairs = [*verdict.denied]
    pairs += [pair for pair in verdict.audited if (pair[0].image.field, pair[1].code) not in found]
    if not pairs and not verdict.break_glass:
        return {}
    return {"decision": _decision(verdict), "findings": _findings(pairs)}


def _decision(verdict: Verdict) -> str:
    if verdict.denied:
        return "denied"
    if verdict.break_glass:
        return "break-glass"
    return "warned" if verdict.warned else "audited"


def _findings(pairs: list[tuple[Judged, Finding]]) -> str:
    items: list[str] = []
    size = 2
    for number, (judged, finding) in enumerate(pairs):
        item = msgspec.json.encode(_item(judged, finding)).decode()
        more = f'{{"more":{len(pairs) - number}}}'
        if size + len(item.encode()) + 1 + len(more) > _LARGEST:
            items.append(more)
            break
        items.append(item)
        size += len(item.encode()) + 1
    return f"[{','.join(items)}]"


def _item(judged: Judged, finding: Finding) -> Mapping[str, str]:
    item = {
        "container": clean(cut_middle(judged.image.name, _LONGEST)),
        "image": clean(cut_middle(judged.image.image, _LONGEST)),
        "code": str(finding.code),
        "class": str(finding.cls),
    }
    return {**item, "certainty": str(finding.certainty)} if finding.certainty else item
