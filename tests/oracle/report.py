"""The outcome as a page for people, docs/fidelity.md (pure).

Below its head nothing changes from run to run unless an outcome does: no times, no addresses of this machine.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence

from agreement import Judgement, Result, by_code, cells, matrix, share
from fate import Fate
from verdict import Said

_INTRODUCTION = """\
# Fidelity

Written by `make oracle`; do not edit. Each case is a workload with its secrets, registries and node: it is judged by
the real webhook through a real API server, with the settings it comes with, and then run by a real kubelet. What the
node does is the truth.
"""

_MEANING = """\
*Denied* is the API server's refusal; *warned* is any warning that speaks of the pull; *not verified* says only that it
could not be found out; *allowed* said nothing of the pull. Denying what runs is the one thing that must not happen.
"""


_TOLD = """\
The same cases, asked once more of a Pullproof with the nodes' `hosts.toml` tree (`nodes.hostsDir`), the nodes' own
logins (`credentials.dockerConfigFiles`) and the statement that they hold no others (`nodes.logins: none`). What was
likely is certain now, and may be denied; cases in which something comes later are left out.
"""


_CELLS = """\
How often the code named the cause that the kubelet names, of how many pods that could not be pulled; a dash where all
pods of the cell run. Rows are kinds of registries, columns are shapes of logins.
"""

_EXPLAINED = """\
`pullproof explain` was asked of every pod that could not be pulled, while it waited on the node.
"""

LEAST_NAMED, LEAST_NAMED_IN_A_CELL = 0.98, 0.9


def falls_short(results: Sequence[Result]) -> list[str]:
    """Return a line for each share of named causes that is too small."""
    shares = {"all": share(result.named for result in results)} | {
        ", ".join(key): n for key, n in cells(results).items()
    }
    return [
        f"cause named too seldom: {name}: {named} of {failed}"
        for name, (named, failed) in shares.items()
        if named < failed * (LEAST_NAMED if name == "all" else LEAST_NAMED_IN_A_CELL)
    ]


def page(results: Sequence[Result], told: Sequence[Result], versions: Mapping[str, str]) -> str:
    """Return the whole page: by the settings that Pullproof comes with, and told what the nodes know."""
    parts = [
        _INTRODUCTION,
        _table(("part", "version"), versions.items()),
        f"## {len(results)} cases\n",
        _matrix(results),
        _MEANING,
        "## Targets\n",
        _targets(results),
        "## By family\n",
        _families(results),
        "## By code\n",
        _codes(results),
        "## By the node's outcome\n",
        _fates(results),
        "## By registry and login\n",
        _CELLS,
        _cells(results),
        "## Explained\n",
        _EXPLAINED,
        _explained(results),
        _disagreements(results, _LISTED),
        "# Told what the nodes know\n",
        _TOLD,
        _matrix(told),
        _targets(told),
        _disagreements(told, _LISTED[:_GRAVE]),
    ]
    return "\n".join(parts).rstrip() + "\n"


def summary(results: Sequence[Result]) -> str:
    """Return the few lines that a run ends with."""
    return _matrix(results) + "\n" + _targets(results)


def outcomes(results: Sequence[Result]) -> str:
    """Return a line for each case, in order: what was said, what the node did, and what was explained."""
    return "".join(f"{each.case.id}: {_outcome(each)}\n" for each in sorted(results, key=lambda each: each.case.id))


def _outcome(result: Result) -> str:
    said = " ".join((result.verdict.said, *sorted(set(result.verdict.codes))))
    explained = "" if result.explanation is None else f"; explained as {result.explanation or 'nothing'}"
    return f"{said}; {result.observation.fate}, {result.cause or 'no cause'}{explained}"


def _matrix(results: Sequence[Result]) -> str:
    counts = matrix(results)
    rows = [
        (name, *(counts[runs, said] for said in Said))
        for name, runs in (("the node runs it", True), ("the node does not", False))
    ]
    return _table(("", *Said), rows)


def _targets(results: Sequence[Result]) -> str:
    counts = Counter(result.judgement for result in results)
    other = sum(result.other_cause for result in results)
    unexplained = sum(result.wrong for result in results if result.judgement is Judgement.WRONG_DENIAL)
    unexcused = sum(result.wrong for result in results if result.judgement is Judgement.MISSED)
    rows = (
        ("wrong denials", f"{counts[Judgement.WRONG_DENIAL]} ({unexplained} without a reason below)", "0"),
        ("requests without an answer", counts[Judgement.NO_ANSWER], "0"),
        ("missed, though knowable", f"{counts[Judgement.MISSED]} ({unexcused} without a reason below)", "0"),
        ("another cause named than the node's", f"{other} ({_percent(other, len(results))})", "less than 2 %"),
        ("cause named as the node names it", _shared(result.named for result in results), "98 % or more"),
        ("false alarms (warned of a failure, and it runs)", counts[Judgement.FALSE_ALARM], "few"),
    )
    return _table(("", "is", "wanted"), rows)


def _shared(answers: Iterable[bool | None]) -> str:
    true, all_ = share(answers)
    return f"{true} of {all_} ({_percent(true, all_)})"


def _percent(part: int, whole: int) -> str:
    return f"{100 * part / whole if whole else 0:.1f} %"


def _families(results: Sequence[Result]) -> str:
    rows = []
    for family in dict.fromkeys(result.case.family for result in results):
        held = [result for result in results if result.case.family == family]
        counts = Counter(result.judgement for result in held)
        rows.append((family, len(held), *(counts[judgement] or "" for judgement in Judgement)))
    return _table(("family", "cases", *Judgement), rows)


def _codes(results: Sequence[Result]) -> str:
    counts = by_code(results)
    keys = sorted({(code, cls) for code, cls, _ in counts})
    rows = ((f"`{code}`", cls, counts[code, cls, True] or "", counts[code, cls, False] or "") for code, cls in keys)
    return _table(("code", "class", "the node runs it", "the node does not"), rows)


def _fates(results: Sequence[Result]) -> str:
    counts = Counter((result.observation.fate, result.verdict.said) for result in results)
    seen = [fate for fate in Fate if any(fate is each for each, _ in counts)]
    rows = ((fate, *(counts[fate, said] or "" for said in Said)) for fate in seen)
    return _table(("outcome", *Said), rows)


def _cells(results: Sequence[Result]) -> str:
    counts = cells(results)
    kinds = dict.fromkeys(kind for kind, _ in counts)
    shapes = dict.fromkeys(shape for _, shape in counts)
    rows = ((kind, *(_cell_text(counts.get((kind, shape))) for shape in shapes)) for kind in kinds)
    return _table(("", *shapes), rows)


def _cell_text(counted: tuple[int, int] | None) -> str:
    if counted is None:
        return ""
    named, failed = counted
    return f"{named}/{failed}" if failed else "-"


def _explained(results: Sequence[Result]) -> str:
    asked = [result for result in results if result.explained is not None]
    rows = (
        ("pods explained", len(asked)),
        ("the node's cause is told", _shared(result.explained for result in asked)),
        ("no cause is told", sum(not result.explanation for result in asked)),
    )
    others = [result for result in asked if not result.explained]
    listed = ((each.case.id, each.case.says, each.explanation or "nothing", each.cause) for each in others)
    tables = [_table(("", "is"), rows)]
    tables += [_table(("case", "what it is", "explained as", "the node"), listed)] if others else []
    return "\n".join(tables)


_LISTED: tuple[tuple[str, str, Callable[[Result], bool]], ...] = (
    ("No answer", "The webhook failed.", lambda result: result.judgement is Judgement.NO_ANSWER),
    ("Wrong denials", "", lambda result: result.judgement is Judgement.WRONG_DENIAL),
    (
        "Denied before it was there",
        "The image is pushed 20 seconds after it was asked for; asked for again then, it is allowed.",
        lambda result: result.judgement is Judgement.EARLY,
    ),
    ("Missed, though knowable", "", lambda result: result.judgement is Judgement.MISSED),
    ("Another cause", "Both say that it fails, and name different causes.", lambda result: result.other_cause),
    (
        "False alarms",
        "A failure was predicted as likely, and it runs.",
        lambda result: result.judgement is Judgement.FALSE_ALARM,
    ),
    (
        "Missed, and not to be known",
        "Nothing in the registry or the cluster tells.",
        lambda result: result.judgement is Judgement.UNKNOWABLE,
    ),
    (
        "Not found out",
        "Pullproof said that it could not verify; a dash where the node runs it.",
        lambda result: result.judgement is Judgement.NOT_FOUND_OUT,
    ),
)


_GRAVE = 4
"""How many of these are listed again for the second question."""


def _disagreements(results: Sequence[Result], lists: Sequence[tuple[str, str, Callable[[Result], bool]]]) -> str:
    parts = []
    for title, words, belongs in lists:
        listed = [result for result in results if belongs(result)]
        if listed:
            rows = (_row(result) for result in listed)
            table = _table(("case", "what it is", "said", "the node", "why they differ"), rows)
            parts.append("\n".join((f"## {title}\n", *([words + "\n"] if words else []), table)))
    return "\n".join(parts)


def _row(result: Result) -> tuple[str, ...]:
    said = ", ".join(dict.fromkeys(result.verdict.codes)) or result.verdict.said
    node = "-" if result.runs else str(result.cause)
    return result.case.id, result.case.says, said, node, result.case.known or result.case.unknowable


def _table(head: Sequence[object], rows: Iterable[Sequence[object]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join("| " + " | ".join(_cell(each) for each in line) + " |\n" for line in lines)


def _cell(value: object) -> str:
    return str(value).replace("|", "\\|").replace("\n", " ")
