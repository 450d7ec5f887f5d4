"""Take each control away, and see the attack succeed; writes a table into docs/threat-model.md (I/O).

    python tests/security/taken_away.py            all of them, and the page
    python tests/security/taken_away.py TEXT…      those whose attack holds one of the texts, and no page

Exit code 1 where a test did not fail, or not for the reason that it should.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from controls import CONTROLS, Control

ROOT = Path(__file__).parents[2]
_PAGE = ROOT / "docs/threat-model.md"
_BEGIN, _END = "<!-- controls: written by a run -->", "<!-- controls: end -->"
_PARTS = ("webhook", "certs", "tests/security", "tests/vectors")
_FILES = ("pyproject.toml", "tests/conftest.py", "tests/kubeapi.py")
_PATIENCE = 300


@dataclass(frozen=True)
class Seen:
    """What became of a test without its control: `told` is the line that says why it failed, "" where it did not."""

    control: Control
    told: str
    output: str

    @property
    def succeeded(self) -> bool:
        """Whether the attack did."""
        return bool(self.told)


def copied(target: Path) -> None:
    """Copy the program and these tests."""
    for part in _PARTS:
        shutil.copytree(ROOT / part, target / part, ignore=shutil.ignore_patterns("__pycache__"))
    for file in _FILES:
        shutil.copy(ROOT / file, target / file)


def take_away(control: Control, root: Path) -> None:
    """Replace the control's lines in a copy; raise ValueError where they are not there exactly once."""
    for edit in control.edits:
        path = root / edit.file
        text = path.read_text(encoding="utf-8")
        if text.count(edit.old) != 1:
            raise ValueError(f"{edit.file} holds {edit.old!r} {text.count(edit.old)} times: name the control anew")
        path.write_text(text.replace(edit.old, edit.new), encoding="utf-8")


def attempt(control: Control) -> Seen:
    """Run the control's test without it."""
    with tempfile.TemporaryDirectory(prefix="pullproof-without-") as folder:
        root = Path(folder)
        copied(root)
        take_away(control, root)
        done = run([control.test], root)
    lines = [line[1:].strip() for line in done.stdout.splitlines() if line.startswith("E ")]
    told = next((line for line in lines if re.search(control.told, line)), "") if done.returncode == 1 else ""
    return Seen(control, told, done.stdout)


def run(tests: list[str], root: Path) -> "subprocess.CompletedProcess[str]":
    """Run tests of a copy."""
    command = [sys.executable, "-m", "pytest", "-n", "0", "-q", "-p", "no:cacheprovider", "--rootdir", str(root)]
    named = [f"tests/security/{test}" for test in tests]
    return subprocess.run([*command, *named], cwd=root, capture_output=True, text=True, check=False, timeout=_PATIENCE)


def render(found: list[Seen]) -> str:
    """Return the table of the page."""
    lines = [
        f"| {seen.control.kind} | {seen.control.attack} | {seen.control.control} | {_places(seen.control)} "
        f"| `{seen.control.test.replace('|', '/')}` | {_brief(seen.told)} |"
        for seen in found
    ]
    return "\n".join(
        [
            f"{len(found)} controls taken away, {sum(seen.succeeded for seen in found)} attacks succeeded then; "
            f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, Python {'.'.join(map(str, sys.version_info[:3]))}.",
            "",
            "| class | attack | control | where | test | what the test said without it |",
            "|---|---|---|---|---|---|",
            *lines,
        ]
    )


def _places(control: Control) -> str:
    return ", ".join(dict.fromkeys(f"`{edit.file.removeprefix('webhook/')}`" for edit in control.edits))


def _brief(told: str) -> str:
    seen = re.sub(r":\d{4,5}", ":PORT", told)
    plain = "".join(char if char.isprintable() and char.isascii() else "?" for char in seen)
    text = plain if len(plain) <= 110 else f"{plain[:109]}…"
    return f"`{text.replace('|', '/').replace('`', chr(39))}`" if told else "**it passed**"


def main() -> int:
    """Take away what the command line names; return the exit code."""
    wanted = sys.argv[1:]
    chosen = [control for control in CONTROLS if not wanted or any(text in control.attack for text in wanted)]
    found = []
    with ThreadPoolExecutor(max(1, (os.cpu_count() or 1) // 2)) as pool:
        for seen in pool.map(attempt, chosen):
            print(f"{'ok' if seen.succeeded else 'STILL PASSES'}: {seen.control.attack}: {seen.told[:200]}", flush=True)
            if not seen.succeeded:
                print(seen.output[-3000:])
            found.append(seen)
    if not wanted and all(seen.succeeded for seen in found):
        head, _, rest = _PAGE.read_text(encoding="utf-8").partition(_BEGIN)
        tail = rest.partition(_END)[2]
        _PAGE.write_text(f"{head}{_BEGIN}\n\n{render(found)}\n\n{_END}{tail}", encoding="utf-8")
    return 0 if found and all(seen.succeeded for seen in found) else 1


if __name__ == "__main__":
    sys.exit(main())
