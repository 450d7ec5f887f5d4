"""The sample workloads and what each is there to show (I/O: the package's own files).

A sample is a file of Kubernetes objects that begins with two comments: what it shows, and the verdict that is expected
(`denied image-not-found`, `allowed rate-limited`, `allowed`; codes may go on after a semicolon).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources

import yaml

_HEADER = re.compile(r"# (?P<shows>.+)\n# expected: (?P<decision>allowed|denied)(?P<codes>[^\n]*)\n")


class MalformedSample(ValueError):
    """A sample does not begin as a sample should."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One file. `codes`: every code that its denial or warnings are to name, and no other."""

    file: str
    text: str
    shows: str
    allowed: bool
    codes: frozenset[str]

    @property
    def objects(self) -> tuple[Mapping[str, object], ...]:
        """The objects in the file."""
        return tuple(each for each in yaml.safe_load_all(self.text) if isinstance(each, Mapping))


def samples(ports: Mapping[int, int]) -> tuple[Sample, ...]:
    """Return all samples in order, each port that they are written with replaced by the one that is served."""
    folder = resources.files("webhook.demo") / "samples"
    files = sorted((each for each in folder.iterdir() if each.name.endswith(".yaml")), key=lambda each: each.name)
    return tuple(_sample(each.name, _with_ports(each.read_text(encoding="utf-8"), ports)) for each in files)


def _sample(file: str, text: str) -> Sample:
    match = _HEADER.match(text)
    if match is None:
        raise MalformedSample(f"sample {file!r} must begin with a comment and a line '# expected: allowed|denied CODE'")
    codes = frozenset(match["codes"].replace(";", " ").split())
    return Sample(file=file, text=text, shows=match["shows"], allowed=match["decision"] == "allowed", codes=codes)


def _with_ports(text: str, ports: Mapping[int, int]) -> str:
    return re.sub(r"localhost:(\d+)", lambda match: f"localhost:{ports.get(int(match[1]), int(match[1]))}", text)
