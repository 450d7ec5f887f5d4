"""Words that several findings share (pure).

Names from a user's objects are quoted, cut, and freed of control characters before they get into a text: a host in a
docker config can be anything.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace

from webhook.credentials.credential import Credential, Origin
from webhook.policy.evidence import Evidence
from webhook.policy.finding import Finding
from webhook.registry.resolution import Attempt, Resolved, Step, Unresolved

_LONGEST_NAME = 80
_OF_A_SERVER = re.compile(
    r"(?P<server>https?://(?P<host>\S+)) "
    r"(?:(?:cannot be reached \([a-z]+\)|does not answer as a registry): (?P<reason>.*)"
    r"|(?P<page>answers .*), not as a registry)",
    re.DOTALL,
)
_MOST_NAMES = 5


def printable(text: str, longest: int = _LONGEST_NAME) -> str:
    """Return `text` on one line, without control characters, cut in the middle to `longest` characters."""
    clean = _clean(text)
    if len(clean) <= longest:
        return clean
    half = (longest - 1) // 2
    return f"{clean[:half]}…{clean[-half:]}"


def one_line(finding: Finding) -> Finding:
    """Return the finding without control characters, whoever wrote them: a platform or a tag is a stranger's text."""
    if all(text.isprintable() for text in (finding.message, finding.brief, finding.fix, finding.doubt)):
        return finding
    return replace(
        finding,
        message=_clean(finding.message),
        brief=_clean(finding.brief),
        fix=_clean(finding.fix),
        doubt=_clean(finding.doubt),
    )


def _clean(text: str) -> str:
    if text.isprintable():
        return text
    return "".join(character if character.isprintable() else "?" for character in text)


def reason(message: str, name: str) -> str:
    """Return why a server gave no use: without its own name where that is the registry's, which is told already.

    Docker Hub's server and mirrors are called otherwise, and stay named.
    """
    told = _OF_A_SERVER.fullmatch(message)
    if told is None:
        return message
    words = told["reason"] or told["page"]
    return words if told["host"] == name else f"{told['server']}: {words}"


def server(message: str) -> str:
    """Return the host that gave no use, or "" where the message names none."""
    told = _OF_A_SERVER.fullmatch(message)
    return told["host"] if told else ""


def quoted(text: str) -> str:
    """Return a name in double quotes."""
    return f'"{printable(text)}"'


def listed(names: Iterable[str]) -> str:
    """Join names by commas, each once, the first few of many."""
    distinct = tuple(dict.fromkeys(names))
    more = f" and {len(distinct) - _MOST_NAMES} more" if len(distinct) > _MOST_NAMES else ""
    return ", ".join(distinct[:_MOST_NAMES]) + more


def counted(noun: str, names: Sequence[str]) -> str:
    """Return `secret "a"` or `secrets "a", "b"`."""
    return f"{noun}{'s' if len(names) > 1 else ''} {listed(map(quoted, names))}"


def sentence(text: str) -> str:
    """End a clause with a full stop, unless it has an end."""
    return text if text.endswith((".", "!", "?", "…")) else f"{text}."


def tried(candidates: Sequence[Credential]) -> str:
    """Name the logins that were offered, each once: `secret "a", secret "b"`."""
    return listed(printable(candidate.source, 2 * _LONGEST_NAME) for candidate in candidates)


def hosts_held(evidence: Evidence, *, by: Sequence[str] = ()) -> tuple[str, ...]:
    """Return the hosts that the pull secrets (or only those named in `by`) have entries for, as written, each once."""
    hosts = (
        printable(entry.host)
        for secret in evidence.pull_secrets.secrets
        if not by or secret.name in by
        for entry in secret.entries
    )
    return tuple(dict.fromkeys(hosts))


def own_secrets(evidence: Evidence) -> tuple[str, ...]:
    """Return the names of the pull secrets whose logins are candidates."""
    own = own_logins(evidence)
    return tuple(
        secret.name
        for secret in evidence.pull_secrets.secrets
        if any(entry.credential in own for entry in secret.entries)
    )


def held(evidence: Evidence, secrets: Sequence[str]) -> str:
    """Tell which hosts these secrets hold, where that says more than the registry's name does."""
    hosts = hosts_held(evidence, by=secrets) if secrets else ()
    return f" (for {listed(hosts)})" if hosts and hosts != (registry(evidence),) else ""


def duration(seconds: float) -> str:
    """Return a length of time as people say it, rounded so that the same problem keeps the same text."""
    if seconds < 90:
        return "about a minute"
    if seconds < 90 * 60:
        return f"about {round(seconds / 60)} min"
    return f"about {round(seconds / 3600)} h"


def own_logins(evidence: Evidence) -> tuple[Credential, ...]:
    """Return the candidates that the pod itself brings."""
    return tuple(candidate for candidate in evidence.candidates if candidate.origin is Origin.POD)


def last_answer(evidence: Evidence) -> Attempt | None:
    """Return the last request for a manifest or a token that got an answer."""
    resolution = evidence.resolution
    attempts = resolution.attempts if isinstance(resolution, Resolved | Unresolved) else ()
    asked = (each for each in reversed(attempts) if each.step in (Step.MANIFEST, Step.TOKEN))
    return next((each for each in asked if each.status is not None), None)


def status(evidence: Evidence, default: str) -> str:
    """Return the status of the last answer, and `default` where none was kept."""
    answer = last_answer(evidence)
    return default if answer is None or answer.status is None or answer.status < 400 else str(answer.status)


def registry(evidence: Evidence) -> str:
    """Return the registry's name."""
    return printable(evidence.reference.registry) if evidence.reference is not None else "the registry"
