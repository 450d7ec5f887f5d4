"""What a YAML scalar without quotes stands for (pure).

kubectl reads YAML through sigs.k8s.io/yaml (go-yaml 2): the booleans of YAML 1.1, no base-60 numbers, and dates stay
text. Numbers too long for a machine word stay text too: nothing that names an image is one.
"""

import re

_TAG = "tag:yaml.org,2002:"
_NULL = frozenset({"", "~", "null", "Null", "NULL"})
_TRUE = frozenset({"y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"})
_FALSE = frozenset({"n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"})
_INTEGER = re.compile(r"[-+]?(?:0|[1-9][0-9_]{0,17})", re.ASCII)
_RADIX = re.compile(r"[-+]?0(?:x[0-9a-fA-F]{1,16}|o?[0-7]{1,20}|b[01]{1,62})", re.ASCII)
_FLOAT = re.compile(r"[-+]?(?:[0-9]{1,30}\.?[0-9]{0,30}|\.[0-9]{1,30})(?:[eE][-+]?[0-9]{1,3})?", re.ASCII)


def resolve(text: str, tag: str | None, *, quoted: bool) -> str | int | float | bool | None:
    """Return the value of a scalar; a tag that YAML itself does not define leaves the text as it is."""
    if quoted or (tag is not None and tag not in (f"{_TAG}{kind}" for kind in ("null", "bool", "int", "float"))):
        return text
    if text in _NULL:
        return None
    if text in _TRUE or text in _FALSE:
        return text in _TRUE
    return _number(text)


def _number(text: str) -> str | int | float:
    if _INTEGER.fullmatch(text):
        return int(text.replace("_", ""))
    if _RADIX.fullmatch(text):
        return _radix(text)
    if _FLOAT.fullmatch(text):
        return float(text)
    return text


def _radix(text: str) -> int:
    sign = -1 if text.startswith("-") else 1
    digits = text.lstrip("+-")[1:]
    base = {"x": 16, "b": 2}.get(digits[0], 8)
    return sign * int(digits.lstrip("xob"), base)
