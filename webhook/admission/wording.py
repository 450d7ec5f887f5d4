"""What a person reads: warnings and denials (pure).

    container "api": ghcr.io/acme/api:1.4.2 not found in registry [image-not-found]
    registry docker.io rate-limited us (429); 2 images not verified [rate-limited]

Laws: a warning has at most 256 characters, 120 where the reference allows it; at most 10 warnings; the same text for
the same problem; no character that a terminal would act on; a denial has at most 1,000 bytes. Nothing in them changes
from one request to the next (no pod names, times or ids), so that clients can tell repeated warnings.
"""

from collections.abc import Sequence

from webhook.admission.plaintext import clean, cut_bytes, cut_end, cut_middle
from webhook.image.reference import InvalidReference, Reference
from webhook.policy.decision import Judged, Mode, Verdict
from webhook.policy.finding import Code, Finding, FindingClass
from webhook.registry.resolution import Failure, Unresolved

Pair = tuple[Judged, Finding]

LONGEST = 256
_WANTED = 120
_MOST = 10
_SHORTEST_REFERENCE = 48
_LONGEST_NAME = 63
_DENIAL = 1000
_FIX = 300

_ORDER = {FindingClass.FAIL: 0, FindingClass.ERROR: 1, FindingClass.WARN: 2, FindingClass.SKIP: 3}

_CAUSES = {
    Code.RATE_LIMITED: "registry {registry} rate-limited us (429)",
    Code.REGISTRY_UNREACHABLE: "registry {registry} unreachable{word}",
    Code.REGISTRY_ERROR: "registry {registry} answered with an error",
    Code.NOT_A_REGISTRY: "{registry} does not answer as a registry",
    Code.CREDENTIALS_UNAVAILABLE: "no login at hand for registry {registry}, where nodes may hold one",
    Code.NOT_VERIFIED: "registry {registry} not asked{word}",
}
"""How several images of one registry with one trouble are told in one line."""


def warning(judged: Judged, finding: Finding) -> str:
    """Return the line for one image and finding."""
    start = f"{_subject(judged)}: "
    end = f" [{finding.code}]"
    brief = clean(cut_end(finding.brief, LONGEST - len(start) - len(end) - _SHORTEST_REFERENCE))
    room = max(_WANTED - len(start) - len(brief) - len(end), _SHORTEST_REFERENCE)
    return f"{start}{clean(cut_middle(judged.image.image, room))}{brief}{end}"


def warnings(verdict: Verdict) -> tuple[str, ...]:
    """Return the lines for `verdict.warned`: failures first, no line twice, what the denial says left out."""
    said = {(judged.image.field, finding.code) for judged, finding in verdict.denied}
    pairs = [pair for pair in verdict.warned if (pair[0].image.field, pair[1].code) not in said]
    pairs.sort(key=lambda pair: _ORDER[pair[1].cls])
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
    """Return a line for each pair, but one for all images of a registry that share a trouble."""
    groups: dict[str, list[Pair]] = {}
    for judged, finding in pairs:
        shared = _cause(judged, finding) if finding.cls is FindingClass.ERROR else ""
        groups.setdefault(shared or warning(judged, finding), []).append((judged, finding))
    return [_line(text, group) for text, group in groups.items()]


def _line(text: str, group: Sequence[Pair]) -> str:
    judged, finding = group[0]
    if finding.cls is not FindingClass.ERROR:
        return text
    images = len({found.image.field for found, _ in group})
    cause = _cause(judged, finding)
    if images == 1 or not cause:
        return warning(judged, finding)
    return f"{cause}; {_images(images)} not verified [{finding.code}]"


def _cause(judged: Judged, finding: Finding) -> str:
    """Return the trouble that several images may share, or "" where it is each image's own."""
    registry, template = _registry(judged), _CAUSES.get(finding.code)
    if not registry or template is None:
        return ""
    return template.format(registry=clean(cut_middle(registry, _LONGEST_NAME)), word=_word(judged))


def _word(judged: Judged) -> str:
    resolution = judged.resolution
    if not isinstance(resolution, Unresolved):
        return ""
    match resolution.failure:
        case Failure.OUT_OF_TIME:
            return " in time"
        case Failure.ADDRESS_REFUSED:
            return ": its address is refused by our own rules"
        case Failure.DNS | Failure.CONNECT | Failure.TLS | Failure.TIMEOUT | Failure.PROXY as failure:
            return f" ({failure})"
        case _:
            return ""


def _registry(judged: Judged) -> str:
    if judged.resolution is not None:
        return judged.resolution.reference.registry
    try:
        return Reference.parse(judged.image.image).registry
    except InvalidReference:
        return ""


def _subject(judged: Judged) -> str:
    name = clean(cut_middle(judged.image.name, _LONGEST_NAME))
    return f'{judged.image.role} "{name}"' if name else str(judged.image.role)


def _images(count: int) -> str:
    return f"{count} image" if count == 1 else f"{count} images"
