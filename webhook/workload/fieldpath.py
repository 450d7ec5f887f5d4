"""Field paths as Kubernetes prints them, and the same as steps (pure).

path := step ("." name | "[" index "]" | "[" JSON string "]")*
A key that is no plain word is quoted, so that `parse_path(render_path(steps)) == steps` for every list of steps.
"""

import json
import re

Step = str | int

_WORD = re.compile(r"[A-Za-z0-9_-]+", re.ASCII)
_STEP = re.compile(
    r"(?:^|(?<=.)\.)(?P<word>[A-Za-z0-9_-]+)|\[(?P<index>[0-9]+)\]|\[(?P<key>\"(?:[^\"\\]|\\.)*\")\]", re.ASCII
)


class InvalidPath(ValueError):
    """The text is not a field path."""


def render_path(steps: tuple[Step, ...]) -> str:
    """Return the path as text: `spec.template.spec.containers[0].image`."""
    text = ""
    for step in steps:
        if isinstance(step, int):
            text += f"[{step}]"
        elif _WORD.fullmatch(step):
            text += f".{step}" if text else step
        else:
            text += f"[{json.dumps(step)}]"
    return text


def parse_path(text: str) -> tuple[Step, ...]:
    """Return the steps of a path; raise `InvalidPath` where it is none."""
    steps: list[Step] = []
    position = 0
    while position < len(text):
        match = _STEP.match(text, position)
        if match is None:
            raise InvalidPath(f"not a field path: {text!r} at character {position}")
        steps.append(_step(match))
        position = match.end()
    return tuple(steps)


def _step(match: re.Match[str]) -> Step:
    if match["index"] is not None:
        return int(match["index"])
    if match["key"] is not None:
        try:
            return str(json.loads(match["key"]))
        except ValueError as error:
            raise InvalidPath(f"not a quoted key: {match['key']!r}") from error
    return match["word"]
