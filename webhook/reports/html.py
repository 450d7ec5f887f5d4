"""One HTML file for people who would rather look than read (pure).

Nothing is loaded from anywhere, and the page's own policy forbids it: only its one style and its one script run, named
by their hashes. Without a script the page is the whole table; with one it can be filtered, by mouse or keyboard (`/`
searches, Escape clears). Light and dark follow the reader's system.
"""

from base64 import b64encode
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from hashlib import sha256

from webhook.image.reference import InvalidReference, Reference
from webhook.policy.decision import Outcome
from webhook.policy.finding import Finding
from webhook.reports.escape import html_text as text
from webhook.reports.html_parts import SCRIPT, STYLE
from webhook.reports.report import Report, ReportedImage, label

_NAMES = {
    Outcome.FAIL: "would not be pulled",
    Outcome.ERROR: "not verified",
    Outcome.WARN: "warned about",
    Outcome.PASS: "fine",
    Outcome.SKIP: "skipped",
}
_ORDER = tuple(_NAMES)
"""What wants somebody's hand stands first."""


def render(report: Report) -> str:
    """Return the page."""
    allowed = f"style-src {_hash(STYLE)}; script-src {_hash(SCRIPT)}"
    policy = f"default-src 'none'; {allowed}; base-uri 'none'; form-action 'none'"
    parts = [
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">',
        f'<meta http-equiv="Content-Security-Policy" content="{text(policy)}">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>{text(_headline(report))}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<main>",
        f"<h1>{text(_headline(report))}</h1>",
        _tiles(report),
        _filters(report.images),
        _table(sorted(report.images, key=lambda image: _ORDER.index(image.outcome))),
        f'<div class="counts">{_counts_of_all(report.images)}</div>' if report.images else "",
        f"</main>\n<script>{SCRIPT}</script>\n</body>\n</html>\n",
    ]
    return "\n".join(part for part in parts if part)


def _hash(part: str) -> str:
    return f"'sha256-{b64encode(sha256(part.encode()).digest()).decode()}'"


def _headline(report: Report) -> str:
    failing, total = report.summary[Outcome.FAIL], len(report.images)
    if failing:
        return f"Pullproof: {failing} of {total} images would not be pulled"
    return f"Pullproof: {total} images" + (", some not verified" if report.summary[Outcome.ERROR] else "")


def _tiles(report: Report) -> str:
    tiles = "".join(
        f'<button type="button" class="{outcome}" data-verdict="{outcome}" aria-pressed="false">'
        f"<b>{report.summary[outcome]}</b>{name}</button>"
        for outcome, name in _NAMES.items()
    )
    return f'<div class="tiles" role="group" aria-label="Filter by verdict">{tiles}</div>'


def _filters(images: Sequence[ReportedImage]) -> str:
    selects = "".join(
        _select(name, title, values)
        for name, title, values in (
            ("namespace", "every namespace", map(_namespace, images)),
            ("registry", "every registry", map(_registry, images)),
            ("codes", "every finding", (finding.code.value for image in images for finding in image.findings)),
        )
    )
    search = '<input id="search" type="search" placeholder="Search (press /)" aria-label="Search">'
    return f'<div class="filters" hidden>{search}{selects}<span id="shown" class="dim" role="status"></span></div>'


def _select(name: str, title: str, values: Iterable[str]) -> str:
    known = sorted({value for value in values if value})
    options = "".join(f'<option value="{text(value)}">{text(value)}</option>' for value in known)
    return f'<select name="{name}" aria-label="{title}"><option value="">{title}</option>{options}</select>'


def _table(images: Sequence[ReportedImage]) -> str:
    heads = "".join(f'<th scope="col">{head}</th>' for head in ("Verdict", "Image", "Where", "Findings"))
    rows = "\n".join(map(_row, images))
    head = f'<thead class="images"><tr>{heads}</tr></thead>'
    return f'<table class="images">\n{head}\n<tbody class="images">\n{rows}\n</tbody>\n</table>'


def _row(image: ReportedImage) -> str:
    codes = " ".join(finding.code.value for finding in image.findings)
    data = (
        f'data-verdict="{image.outcome}" data-namespace="{text(_namespace(image))}" '
        f'data-registry="{text(_registry(image))}" data-codes="{codes}"'
    )
    cells = (
        f'<td class="verdict {image.outcome}">{text(_NAMES[image.outcome])}</td>',
        f"<td><code>{text(image.image)}</code>{_resolved(image)}</td>",
        f"<td>{text(image.where)}{_place(image)}</td>",
        f"<td>{''.join(map(_finding, image.findings))}{_aside(image)}</td>",
    )
    return f"<tr {data}>{''.join(cells)}</tr>"


def _resolved(image: ReportedImage) -> str:
    resolved = image.resolved
    if resolved is None:
        return ""
    platforms = f"<br>{text(', '.join(image.platforms))}" if image.platforms else ""
    return f'<div class="dim"><code>{text(resolved.digest[:19])}…</code>{platforms}</div>'


def _place(image: ReportedImage) -> str:
    return f'<div class="dim"><code>{text(str(image.place))}</code></div>' if image.place else ""


def _finding(finding: Finding) -> str:
    doubt = f'<p class="dim">not certain: {text(finding.doubt)}</p>' if finding.doubt else ""
    fix = f'<p class="fix">fix: <code>{text(finding.fix)}</code></p>' if finding.fix else ""
    return (
        f'<div class="finding"><p><strong class="{finding.cls}">{label(finding)}</strong> {text(finding.message)} '
        f'<code class="code">{finding.code}</code></p>{doubt}{fix}</div>'
    )


def _aside(image: ReportedImage) -> str:
    ignored = "".join(
        f'<p class="dim">ignored: <code>{suppressed.finding.code}</code>, {text(suppressed.reason)}</p>'
        for suppressed in image.suppressed
    )
    return (f'<p class="dim">{text(image.skip)}</p>' if image.skip else "") + ignored


def _counts_of_all(images: Sequence[ReportedImage]) -> str:
    return "\n".join(
        (
            _counts("By cause", images, _causes),
            _counts("By registry", images, lambda image: [_registry(image)]),
            _counts("By namespace", images, lambda image: [_namespace(image)]),
        )
    )


def _counts(title: str, images: Sequence[ReportedImage], keys: Callable[[ReportedImage], Iterable[str]]) -> str:
    counted = Counter((key, image.outcome) for image in images for key in keys(image))
    names = sorted({name for name, _ in counted if name})
    if not names:
        return ""
    heads = "".join(f'<th scope="col">{head}</th>' for head in ("", *_NAMES.values()))
    rows = "\n".join(
        f'<tr><th scope="row">{text(name)}</th>'
        + "".join(f'<td class="number {outcome}">{counted[name, outcome] or ""}</td>' for outcome in _NAMES)
        + "</tr>"
        for name in names
    )
    table = f"<thead><tr>{heads}</tr></thead>\n<tbody>\n{rows}\n</tbody>"
    box = f'<div class="wide" tabindex="0" role="region" aria-label="{title}">'
    return f'<section><h2>{title}</h2>\n{box}\n<table class="narrow">\n{table}\n</table>\n</div></section>'


def _causes(image: ReportedImage) -> Iterable[str]:
    return dict.fromkeys(finding.code.value for finding in image.findings)


def _namespace(image: ReportedImage) -> str:
    return image.namespace if image.kind else ""


def _registry(image: ReportedImage) -> str:
    try:
        return Reference.parse(image.image).registry
    except InvalidReference:
        return ""
