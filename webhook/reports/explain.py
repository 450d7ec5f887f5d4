"""Explanations as text, Markdown or JSON (pure).

The first line is the answer, what to do stands below it, and then come the steps by which it was found. Of several
images those that fail come first for people; for programs the order is that of the question.
"""

import json
from collections.abc import Sequence
from enum import StrEnum

from webhook.policy.decision import Outcome
from webhook.policy.finding import Finding
from webhook.reports.escape import cut, markdown, markdown_code
from webhook.reports.explanation import WORST_FIRST, Explanation
from webhook.reports.report import label
from webhook.reports.text import COLOURS, Colour, paint
from webhook.reports.ways import State, Step

_LONGEST_IMAGE = 120
_COLOURS = {State.GOOD: Colour.GREEN, State.BAD: Colour.RED, State.UNSURE: Colour.MAGENTA, State.NOTE: Colour.DIM}
_ORDER = (Outcome.FAIL, Outcome.ERROR, Outcome.WARN, Outcome.PASS, Outcome.SKIP)
_SIGNS = {State.GOOD: "✅", State.BAD: "❌", State.UNSURE: "❔", State.NOTE: "·"}


class ExplainFormat(StrEnum):
    """What `explain -o` takes."""

    TEXT = "text"
    MARKDOWN = "markdown"
    JSON = "json"


def render(explanations: Sequence[Explanation], name: ExplainFormat, *, colours: bool = False) -> str:
    """Return all explanations in a format."""
    worst_first = sorted(explanations, key=lambda each: _ORDER.index(each.outcome))
    match name:
        case ExplainFormat.TEXT:
            return "\n\n".join(_text(each, colours) for each in worst_first) + "\n"
        case ExplainFormat.MARKDOWN:
            return "\n\n".join(map(_markdown, worst_first)) + "\n"
        case ExplainFormat.JSON:
            value = {
                "schemaVersion": "1",
                "cause": cause_of(explanations),
                "explanations": [_value(each) for each in explanations],
            }
            return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


def cause_of(explanations: Sequence[Explanation]) -> str | None:
    """Return the code of the one cause that keeps all this from running: the worst, and of these the first."""
    causes = [each.cause for each in explanations if each.cause is not None]
    worst = next((each for cls in WORST_FIRST for each in causes if each.cls is cls), None)
    return worst.code.value if worst else None


def _text(each: Explanation, colours: bool) -> str:
    rows = [(step, line) for step in each.steps for line in step.lines]
    states = max(len(state) for state in State)
    names = max((len(step.name) for step, _ in rows), default=0)
    word, rest = _answer(each)
    lines, last = [f"{paint(word, COLOURS[each.outcome], colours=colours)}: {_name(each)}{rest}"], ""
    lines += [f"    {line}" for line in (*_where(each), *_advice(each))]
    lines.append("")
    for step, line in rows:
        state = paint(step.state.ljust(states), _COLOURS[step.state], colours=colours)
        lines.append(f"  {state}  {('' if step.name == last else step.name).ljust(names)}  {line}")
        last = step.name
    return "\n".join(lines)


def _answer(each: Explanation) -> tuple[str, str]:
    """Return the verdict in a word, and the rest of the line that answers."""
    cause = each.cause
    if cause is not None:
        return label(cause), f": {cause.message} [{cause.code}]"
    if each.image.skip:
        return Outcome.SKIP, f": {each.image.skip}"
    return Outcome.PASS, " would be pulled"


def _where(each: Explanation) -> list[str]:
    image = each.image
    where = ", ".join(part for part in (image.where, str(image.place) if image.place else "") if part)
    return [where] if where else []


def _advice(each: Explanation) -> list[str]:
    cause, lines = each.cause, []
    if cause is not None:
        lines += [f"not certain: {cause.doubt}"] if cause.doubt else []
        lines += [f"fix: {cause.fix}"] if cause.fix else []
    for warning in each.warnings:
        lines.append(f"{label(warning)}: {warning.message} [{warning.code}]")
        lines += [f"  fix: {warning.fix}"] if warning.fix and cause is None else []
    return lines


def _name(each: Explanation) -> str:
    return cut(each.image.image, _LONGEST_IMAGE) or '""'


def _markdown(each: Explanation) -> str:
    rows = [f"| {_SIGNS[step.state]} | {markdown(step.name)} | {_cell(step)} |" for step in each.steps]
    word, rest = _answer(each)
    end = "  \n".join(markdown(line.strip()) for line in (*_where(each), *_advice(each)))
    answer = f"**{markdown(word)}**{markdown(rest)}"
    parts = [f"### {markdown_code(_name(each))}", "", answer, "", end, "", "| | step | seen |", "|---|---|---|", *rows]
    return "\n".join(parts)


def _cell(step: Step) -> str:
    return "<br>".join(map(markdown, step.lines))


def _value(each: Explanation) -> dict[str, object]:
    image, cause = each.image, each.cause
    place = image.place
    return {
        "image": image.image,
        "workload": {"kind": image.kind, "namespace": image.namespace, "name": image.name},
        "container": image.container,
        "source": {"file": place.file, "line": place.line, "column": place.column} if place else None,
        "verdict": image.outcome.value,
        "steps": [{"step": step.name, "state": step.state.name.lower(), "seen": step.lines} for step in each.steps],
        "cause": None if cause is None else _finding(cause),
        "warnings": [_finding(warning) for warning in each.warnings],
    }


def _finding(finding: Finding) -> dict[str, str]:
    return {"code": finding.code, "message": finding.message, "doubt": finding.doubt, "fix": finding.fix}
