"""Which files a git checkout has changed since a revision (I/O).

Tracked files that differ from the revision, committed or not, and untracked ones that are not ignored.
"""

import os
import subprocess
from collections.abc import Sequence

from webhook.cli.session import UsageProblem

_TIMEOUT = 60.0


def changed_since(revision: str, folder: str) -> frozenset[str]:
    """Return the real paths of the changed files; raise `UsageProblem` where git cannot tell."""
    if revision.startswith("-"):
        raise UsageProblem(f"--changed-since wants a revision, not {revision!r}; for example origin/main")
    root = _git(folder, "rev-parse", "--show-toplevel").rstrip("\n")
    differing = _git(root, "diff", "--name-only", "-z", "--diff-filter=d", revision, "--")
    untracked = _git(root, "ls-files", "--others", "--exclude-standard", "-z")
    names = [name for name in (differing + untracked).split("\0") if name]
    return frozenset(os.path.realpath(os.path.join(root, name)) for name in names)


def _git(folder: str, *arguments: str) -> str:
    command: Sequence[str] = ("git", "-C", folder, *arguments)
    try:
        done = subprocess.run(command, capture_output=True, timeout=_TIMEOUT, check=False)  # noqa: S603
    except FileNotFoundError as error:
        raise UsageProblem("--changed-since needs git; install it, or leave the option out") from error
    except subprocess.TimeoutExpired as error:
        raise UsageProblem(f"git {arguments[0]} takes too long; leave --changed-since out") from error
    if done.returncode:
        reason = os.fsdecode(done.stderr).strip().splitlines() or ["git failed"]
        raise UsageProblem(f"--changed-since: {reason[0].removeprefix('fatal: ')}; name a revision of this checkout")
    return os.fsdecode(done.stdout)
