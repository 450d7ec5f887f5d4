"""Explanations as text, Markdown or JSON (pure)."""

import json
from collections.abc import Callable, Sequence
from enum import StrEnum

from webhook.reports.escape import cut, markdown, markdown_code
from webhook.reports.explanation import Explanation, State, Step
from webhook.reports.report import label
from webhook.reports.text import Colour, paint

_LONGEST_IMAGE = 120
_COLOURS = {State.GOOD: Colour.GREEN, State.BAD: Colour.RED, State.UNSURE: Colour.MAGENTA, State.NOTE: Colour.DIM}
_SIGNS = {State.GOOD: "✅", State.BAD: "❌", State.UNSURE: "❔", State.NOTE: "·"}


class ExplainFormat(StrEnum):
    """What `explain -o` takes."""

    TEXT = "text"
    MARKDOWN = "markdown"
    JSON = "json"


def render(explanations: Sequence[Explanation], name: ExplainFormat, *, colours: bool = False) -> str:
    """Return all explanations in a format."""
    match name:
        case ExplainFormat.TEXT:
            return "\n\n".join(_text(each, colours) for each in explanations) + "\n"
        case ExplainFormat.MARKDOWN:
            return "\n\n".join(map(_markdown, explanations)) + "\n"
        case ExplainFormat.JSON:
            values = [_value(each) for each in explanations]
            return json.dumps({"schemaVersion": "1", "explanations": values}, indent=2, ensure_ascii=False) + "\n"


def _text(each: Explanation, colours: bool) -> str:
    rows = [(step, line) for step in each.steps for line in step.lines]
    states = max(len(state) for state in State)
    names = max((len(step.name) for step, _ in rows), default=0)
    lines, last = [*_head(each, str), ""], ""
    for step, line in rows:
        state = paint(step.state.ljust(states), _COLOURS[step.state], colours=colours)
        lines.append(f"  {state}  {('' if step.name == last else step.name).ljust(names)}  {line}")
        last = step.name
    return "\n".join([*lines, "", *_end(each)])


def _end(each: Explanation) -> list[str]:
    cause = each.cause
    if cause is None:
        return [f"skipped: {each.image.skip}" if each.image.skip else "would be pulled"]
    doubt = [f"not certain: {cause.doubt}"] if cause.doubt else []
    return [f"cause: {label(cause)}: {cause.message} [{cause.code}]", *doubt, f"fix:   {cause.fix}"]


def _head(each: Explanation, quote: Callable[[str], str]) -> list[str]:
    image = each.image
    where = ", ".join(part for part in (image.where, str(image.place) if image.place else "") if part)
    return [part for part in (quote(cut(image.image, _LONGEST_IMAGE)), where) if part]


def _markdown(each: Explanation) -> str:
    title, *where = _head(each, markdown_code)
    rows = [f"| {_SIGNS[step.state]} | {markdown(step.name)} | {_cell(step)} |" for step in each.steps]
    end = "  \n".join(markdown(line) for line in _end(each))
    where = [markdown(line) for line in where]
    return "\n".join([f"### {title}", "", *where, "", "| | step | seen |", "|---|---|---|", *rows, "", end])


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
        "cause": None
        if cause is None
        else {"code": cause.code, "message": cause.message, "doubt": cause.doubt, "fix": cause.fix},
    }
