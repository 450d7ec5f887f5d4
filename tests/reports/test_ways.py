from dataclasses import replace
from datetime import UTC, datetime

import pytest

from webhook.registry.reach import Reach, Shown
from webhook.registry.resolution import Attempt, Failure, Step
from webhook.reports.ways import way

SHOWN = Shown(
    names=("reg.test", "*.reg.test"),
    issuer="Corp CA",
    begins=datetime(2026, 1, 1, tzinfo=UTC),
    ends=datetime(2027, 1, 1, tzinfo=UTC),
)
FINE = Reach(
    origin="https://reg.test", host="reg.test", port=443, addresses=("192.0.2.1",), address="192.0.2.1", shown=SHOWN
)
CERTIFICATE = "certificate for reg.test, *.reg.test, issued by Corp CA, valid 2026-01-01 to 2027-01-01"


def refused(origin: str) -> Attempt:
    return Attempt(endpoint=origin, credential="anonymous", step=Step.MANIFEST, method="HEAD", failure=Failure.TLS)


@pytest.mark.parametrize(
    ("reach", "told"),
    [
        (
            FINE,
            ["ok dns reg.test is 192.0.2.1", "ok tcp 192.0.2.1 port 443 takes connections", f"ok tls {CERTIFICATE}"],
        ),
        (
            replace(FINE, addresses=(), address="", shown=None, trouble="no such host"),
            ["fails dns reg.test: no such host"],
        ),
        (
            replace(FINE, address="", shown=None, trouble="dial tcp 192.0.2.1:443: connect: connection refused"),
            ["ok dns reg.test is 192.0.2.1", "fails tcp dial tcp 192.0.2.1:443: connect: connection refused"],
        ),
        (
            replace(FINE, shown=None, trouble="no TLS: wrong version number"),
            [
                "ok dns reg.test is 192.0.2.1",
                "ok tcp 192.0.2.1 port 443 takes connections",
                "fails tls no TLS: wrong version number",
            ],
        ),
        (
            replace(FINE, proxy="http://proxy.test:3128"),
            ["- proxy reg.test is asked through http://proxy.test:3128"],
        ),
        (
            replace(FINE, addresses=tuple(f"192.0.2.{n}" for n in range(9)), shown=replace(SHOWN, names=())),
            [
                "ok dns reg.test is 192.0.2.0, 192.0.2.1, 192.0.2.2, 192.0.2.3, 192.0.2.4, 192.0.2.5 and 3 more",
                "ok tcp 192.0.2.1 port 443 takes connections",
                "ok tls certificate for no name (subjectAltName is missing, and its CN does not count), issued by"
                " Corp CA, valid 2026-01-01 to 2027-01-01",
            ],
        ),
    ],
    ids=["fine", "dns", "tcp", "tls", "a proxy", "many addresses, no name"],
)
def test_a_way_is_told_as_far_as_it_leads(reach: Reach, told: list[str]) -> None:
    assert [f"{step.state} {step.name} {line}" for step in way(reach, ()) for line in step.lines] == told


def test_a_certificate_that_a_request_did_not_trust_fails() -> None:
    assert [step.state for step in way(FINE, [refused("https://reg.test")])] == ["ok", "ok", "fails"]
    assert [step.state for step in way(FINE, [refused("https://other.test")])] == ["ok", "ok", "ok"]


def test_names_of_strangers_are_cleaned() -> None:
    hostile = replace(FINE, shown=replace(SHOWN, names=("\x1b[31mred",), issuer="a\nb"))
    (*_, line) = (line for step in way(hostile, ()) for line in step.lines)
    assert line == "certificate for red, issued by a b, valid 2026-01-01 to 2027-01-01"
