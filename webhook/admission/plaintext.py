"""Text from strangers made fit for one line of a terminal, a header or a log (pure)."""

import re
import unicodedata

GAP = "…"

_PLAIN = re.compile(r"[ -~]*")
_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
"""Unicode categories that move a cursor, hide, or turn text around; the API server drops a warning with the first."""


def clean(text: str) -> str:
    """Return `text` with every character that cannot be seen replaced by `?`: nothing looks like what it is not."""
    if _PLAIN.fullmatch(text):
        return text
    return "".join("?" if unicodedata.category(char) in _UNSEEN else char for char in text)


def cut_middle(text: str, length: int) -> str:
    """Return at most `length` characters, 1 or more, the middle left out: both ends of a reference tell."""
    if len(text) <= length:
        return text
    kept = length - len(GAP)
    tail = kept - kept // 2
    return f"{text[: kept // 2]}{GAP}{text[len(text) - tail :]}"


def cut_end(text: str, length: int) -> str:
    """Return at most `length` characters, 1 or more, the end left out."""
    return text if len(text) <= length else f"{text[: length - len(GAP)]}{GAP}"


def cut_bytes(text: str, size: int) -> str:
    """Return at most `size` bytes of UTF-8, 3 or more, the end left out."""
    encoded = text.encode()
    if len(encoded) <= size:
        return text
    return encoded[: size - len(GAP.encode())].decode(errors="ignore") + GAP
