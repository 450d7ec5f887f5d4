"""The list of checks, and that each has a page that a person who searches for the kubelet's message finds."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from webhook.policy.checks import catalogue
from webhook.policy.checks.catalogue import CHECKS
from webhook.policy.checks.check import Check
from webhook.policy.checks.latest_tag import LatestTagOptions
from webhook.policy.checks.manual import MalformedPage, parse
from webhook.policy.checks.options import CheckOptions
from webhook.policy.finding import Code
from webhook.policy.level import Level

NAMES = [check.code.value for check in CHECKS]
FOLDER = Path(catalogue.__file__).parent


def test_every_code_has_one_check_in_order() -> None:
    assert [check.code for check in CHECKS] == list(Code)


@pytest.mark.parametrize("check", CHECKS, ids=NAMES)
def test_one_file_each(check: Check) -> None:
    assert (FOLDER / f"{check.code.replace('-', '_')}.py").is_file()


@pytest.mark.parametrize("check", CHECKS, ids=NAMES)
def test_page(check: Check) -> None:
    page = parse(check.page)
    assert page.title.endswith((".", ")."))
    assert page.finds.startswith(f"{check.code} ({check.cls}")
    assert page.looks_at
    assert page.passes
    assert page.predicts
    assert page.fix


@pytest.mark.parametrize(
    "text",
    [
        "",
        "A title.",
        "A title.\n\nLooks at: x\nPasses: x\nFinds: x\nPredicts: x",
        "A title.\n\nPasses: x\nLooks at: x\nFinds: x\nPredicts: x\nFix: x",
    ],
    ids=["empty", "title only", "a heading missing", "another order"],
)
def test_malformed_pages(text: str) -> None:
    with pytest.raises(MalformedPage):
        parse(text)


def test_pages_are_read_across_lines() -> None:
    page = parse(
        "T.\n\nLooks at:  a\n           b\nPasses:    c\nFinds:     d\nPredicts:  e\nFix:       f\n           g\n"
    )
    assert (page.title, page.looks_at, page.fix) == ("T.", "a b", "f g")


@pytest.mark.parametrize(
    ("off", "level", "runs"),
    [
        (False, None, True),
        (False, Level.OFF, False),
        (False, Level.STRICT, True),
        (True, None, False),
        (True, Level.OFF, False),
        (True, Level.BASELINE, True),
    ],
)
def test_runs(off: bool, level: Level | None, runs: bool) -> None:
    check = next(check for check in CHECKS if check.off is off)
    assert check.runs(check.options(level=level)) is runs


def test_options_of_another_check_are_a_bug() -> None:
    check = next(check for check in CHECKS if check.code is Code.LATEST_TAG)
    assert check.options is LatestTagOptions
    with pytest.raises(TypeError, match="latest-tag: options are CheckOptions"):
        check.activate(CheckOptions())


PAGES_OF = {
    "not_found": {Code.IMAGE_NOT_FOUND, Code.BROKEN_IMAGE},
    "denied_or_missing": {Code.DENIED_OR_MISSING},
    "unauthorized": {Code.UNAUTHORIZED, Code.NO_PULL_SECRET, Code.REGISTRY_ERROR},
    "forbidden": {Code.FORBIDDEN},
    "rate_limited": {Code.RATE_LIMITED},
    "server_error": {Code.REGISTRY_ERROR},
    "policy_blocked": {Code.REGISTRY_ERROR},
    "dns": {Code.REGISTRY_UNREACHABLE},
    "connection_refused": {Code.REGISTRY_UNREACHABLE},
    "unreachable": {Code.REGISTRY_UNREACHABLE},
    "timeout": {Code.REGISTRY_UNREACHABLE},
    "tls_untrusted": {Code.REGISTRY_UNREACHABLE},
    "tls_hostname": {Code.REGISTRY_UNREACHABLE},
    "tls_expired": {Code.REGISTRY_UNREACHABLE},
    "http_server_to_https_client": {Code.NOT_A_REGISTRY},
    "unsupported_schema1": {Code.NOT_AN_IMAGE},
    "platform_mismatch": {Code.PLATFORM_MISMATCH},
}
"""Which pages are to be found by a kubelet's message of a class of tests/vectors/error_classes.json."""


def phrases(code: Code) -> list[str]:
    """Return the parts of a page's predictions that a kubelet's message may contain."""
    check = next(check for check in CHECKS if check.code is code)
    parts = re.split(r"[;,()…]|\bor\b|\bURL\b|\bHOST\b|\bIP:53\b|X\b|\bN\b", parse(check.page).predicts)
    return [part.strip(' .:"') for part in parts if len(part.strip(' .:"')) > 12]


def messages(vectors: Callable[[str], Any]) -> list[tuple[str, str]]:
    data = vectors("error_classes")
    cases = [(case["class"], (case.get("containerd") or {}).get("cri_message") or "") for case in data["cases"]]
    cases += [(event["class"], event["message"]) for event in data["event_messages"]]
    return [(cls, text) for cls, text in cases if text and cls in PAGES_OF]


def test_pages_hold_the_kubelets_words(vectors: Callable[[str], Any]) -> None:
    found = messages(vectors)
    assert len(found) > 50
    lost = [
        text
        for cls, text in found
        if not any(phrase in text.replace("\n", " ") for code in PAGES_OF[cls] for phrase in phrases(code))
    ]
    assert lost == []


def test_a_message_is_found_on_one_line_of_its_page(vectors: Callable[[str], Any]) -> None:
    """Who greps or searches docs/checks for what the kubelet said must not miss it for a line break."""
    folder = Path(__file__).parents[3] / "docs" / "checks"
    lines = {code: (folder / f"{code}.md").read_text().splitlines() for code in Code}
    lost = [
        text
        for cls, text in messages(vectors)
        if not any(
            phrase in text.replace("\n", " ") and any(phrase in line for line in lines[code])
            for code in PAGES_OF[cls]
            for phrase in phrases(code)
        )
    ]
    assert lost == []
