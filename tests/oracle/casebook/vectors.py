"""The vectors of tests/vectors, which name what upstream code was seen to do (I/O: reads them)."""

import json
from functools import cache
from pathlib import Path
from typing import Any

_FOLDER = Path(__file__).parents[2] / "vectors"


@cache
def load(name: str) -> Any:
    return json.loads((_FOLDER / f"{name}.json").read_text(encoding="utf-8"))
