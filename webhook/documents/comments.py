"""Comments that ask to ignore a finding (pure).

    image: nginx:latest  # pullproof: ignore latest-tag rebuilt every night

The comment stands on the line of the image and holds for that image alone; the reason is not optional. It counts on the
command line only: the API server never sees comments. An annotation, `ignore.pullproof.dev/<code>`, reaches further.
"""

import re

from webhook.policy.finding import Code

_COMMENT = re.compile(r"#\s*pullproof:\s*ignore\b\s*(?P<code>[^\s#]*)[ \t]*(?P<reason>[^#\r\n]*)")


class InvalidIgnore(ValueError):
    """The comment does not say what to ignore, or why."""


def ignores_on(line: str) -> dict[str, str]:
    """Return code and reason of each ignore comment on a line; raise `InvalidIgnore` where one lacks either."""
    return {match["code"]: _reason(match) for match in _COMMENT.finditer(line)}


def _reason(match: re.Match[str]) -> str:
    code, reason = match["code"], match["reason"].strip()
    if code not in list(Code):
        raise InvalidIgnore(f"unknown code {code!r} in an ignore comment; `pullproof rules list` names them all")
    if not reason:
        raise InvalidIgnore(f"`# pullproof: ignore {code}` needs a reason after the code")
    return reason
