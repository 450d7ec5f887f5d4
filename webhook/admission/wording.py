"""What a person reads: warnings and denials (pure).

    container "api": ghcr.io/acme/api:1.4.2 not found in registry [image-not-found]
    registry docker.io rate-limited us (429); 2 images not verified [rate-limited]

Laws: a warning has at most 256 characters, 120 where the reference allows it; at most 10 warnings; the same text for
the same problem; no character that a terminal would act on; a denial has at most 1,000 bytes. Nothing in them changes
from one request to the next (no pod names, times or ids), so that clients can tell repeated warnings.
"""

from collections.abc import Sequence

from webhook.admission.plaintext import clean, cut_bytes, cut_end, cut_middle
from webhook.policy.decision import Judged, Mode, Verdict
from webhook.policy.finding import Code, Finding, FindingClass

Pair = tuple[Judged, Finding]

LONGEST = 256
_WANTED = 120
_MOST = 10
_SHORTEST_REFERENCE = 48
_LONGEST_NAME = 63
_DENIAL = 1000
_FIX = 300

_ORDER = {FindingClass.FAIL: 0, FindingClass.ERROR: 1, FindingClass.WARN: 2, FindingClass.SKIP: 3}

_UNVERIFIED = " not verified: "
"""How the briefs of class `error` begin; what follows is the cause, which several images may share."""


def warning(judged: Judged, finding: Finding) -> str:
    """Return the line for one image and finding."""
    start = f"{_subject(judged)}: "
    end = f" [{finding.code}]"
    brief = clean(cut_end(finding.brief, LONGEST - len(start) - len(end) - _SHORTEST_REFERENCE))
    room = max(_WANTED - len(start) - len(brief) - len(end), _SHORTEST_REFERENCE)
    return f"{start}{clean(cut_middle(judged.image.image, room))}{brief}{end}"


def warnings(verdict: Verdict) -> tuple[str, ...]:
    """Return the lines for `verdict.warned`: failures first, no line twice."""
    pairs = sorted(verdict.warned, key=lambda pair: _ORDER[pair[1].cls])
    lines = tuple(dict.fromkeys(_lines(pairs)))
    if len(lines) <= _MOST:
        return lines
    more = len(lines) - _MOST + 1
    return (*lines[: _MOST - 1], f"and {more} more; `pullproof check` on the manifest shows all")


def unverified(images: int) -> str:
    """Return the line for a request that time ran out on."""
    return f"out of time; {_images(images)} not verified [{Code.NOT_VERIFIED}]"


def denial(verdict: Verdict) -> str:
    """Return the one message for the whole request: the images, then a fix per cause."""
    header = _header(verdict)
    fixes = _fixes(verdict)
    first = cut_bytes(fixes[0], _FIX) if fixes else ""
    lines = _fitting(
        [header, *(_item(judged, finding) for judged, finding in verdict.denied)],
        _DENIAL - len(first.encode()) - 1,
    )
    if first:
        lines.append(first)
    for fix in fixes[1:]:
        if _size(lines) + len(fix.encode()) <= _DENIAL:
            lines.append(fix)
    return "\n".join(lines)


def _fixes(verdict: Verdict) -> tuple[str, ...]:
    texts = (clean(cut_end(finding.fix, _DENIAL)) for _, finding in verdict.denied if finding.fix)
    return tuple(dict.fromkeys(f"Fix: {text}" for text in texts))


def _header(verdict: Verdict) -> str:
    denied = len({judged.image.field for judged, _ in verdict.denied})
    fails = all(finding.cls is FindingClass.FAIL for _, finding in verdict.denied)
    namespace = clean(cut_middle(verdict.workload.namespace, _LONGEST_NAME))
    level = verdict.levels.get(Mode.ENFORCE)
    return "".join(
        (
            f"{denied} of {_images(len(verdict.judged))} {'cannot be pulled' if fails else 'refused'}",
            f' in namespace "{namespace}"' if namespace else "",
            f" (pullproof enforce={level}):" if level else " (pullproof):",
        )
    )


def _item(judged: Judged, finding: Finding) -> str:
    image = clean(cut_middle(judged.image.image, _WANTED))
    text = f"- {_subject(judged)}: {image}: {clean(cut_end(finding.message, LONGEST))}"
    end = f" [{finding.code}]"
    return cut_end(text, LONGEST - len(end)) + end


def _fitting(lines: Sequence[str], size: int) -> list[str]:
    """Return the lines that fit into `size` bytes, and how many do not."""
    kept: list[str] = []
    for number, line in enumerate(lines):
        left = len(lines) - number - 1
        more = f"- and {left} more" if left else ""
        if number and _size([*kept, line, *([more] if more else [])]) > size:
            return [*kept, f"- and {left + 1} more"]
        kept.append(line)
    return kept


def _size(lines: Sequence[str]) -> int:
    return sum(len(line.encode()) + 1 for line in lines)


def _lines(pairs: Sequence[Pair]) -> list[str]:
    """Return a line for each pair, but one for all images that were not verified for the same cause."""
    groups: dict[tuple[str, str], list[Pair]] = {}
    for judged, finding in pairs:
        text = finding.brief if _shareable(finding) else warning(judged, finding)
        groups.setdefault((finding.code, text), []).append((judged, finding))
    return [_line(group) for group in groups.values()]


def _line(group: Sequence[Pair]) -> str:
    judged, finding = group[0]
    images = len({found.image.field for found, _ in group})
    if images == 1 or not _shareable(finding):
        return warning(judged, finding)
    end = f"; {_images(images)} not verified [{finding.code}]"
    return clean(cut_end(finding.brief.removeprefix(_UNVERIFIED), LONGEST - len(end))) + end


def _shareable(finding: Finding) -> bool:
    return finding.cls is FindingClass.ERROR and finding.brief.startswith(_UNVERIFIED)


def _subject(judged: Judged) -> str:
    name = clean(cut_middle(judged.image.name, _LONGEST_NAME))
    return f'{judged.image.role} "{name}"' if name else str(judged.image.role)


def _images(count: int) -> str:
    return f"{count} image" if count == 1 else f"{count} images"
