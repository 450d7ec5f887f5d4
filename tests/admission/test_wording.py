"""Warnings, denials and audit annotations, to the letter and by law."""

import json
import re
import unicodedata
from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st

from webhook.admission.audit import annotations
from webhook.admission.wording import denial, unverified, warning, warnings
from webhook.policy.decision import Judged, Level, Mode, Verdict
from webhook.policy.finding import Certainty, Code, Finding, FindingClass
from webhook.workload.workload import ContainerImage, PullPolicy, Role, Workload

Make = Callable[..., Judged]
Find = Callable[..., Finding]
Decide = Callable[..., Verdict]


def test_one_line_per_image(judged: Make, finding: Find) -> None:
    assert (
        warning(judged("api", "ghcr.io/acme/api:1.4.2"), finding("image-not-found"))
        == 'container "api": ghcr.io/acme/api:1.4.2 not found in registry [image-not-found]'
    )
    missing = finding("pull-secret-missing", "warn", brief=': secret "regcred" not found in namespace "shop"')
    assert warning(judged("api", "ghcr.io/acme/api:1.4.2"), missing) == (
        'container "api": ghcr.io/acme/api:1.4.2: secret "regcred" not found in namespace "shop" [pull-secret-missing]'
    )
    latest = finding("latest-tag", "warn", brief=" uses a mutable tag; pin a version or digest")
    assert (
        warning(judged("web", "nginx:latest"), latest)
        == 'container "web": nginx:latest uses a mutable tag; pin a version or digest [latest-tag]'
    )


def test_one_trouble_of_one_registry_is_told_once(judged: Make, finding: Find, verdict: Decide) -> None:
    hub = finding("rate-limited", "error", brief=" not verified: registry docker.io rate-limited us (429)")
    quay = finding("rate-limited", "error", brief=" not verified: registry quay.io rate-limited us (429)")
    dns = finding("registry-unreachable", "error", brief=" not verified: registry r.example unreachable (dns)")
    tls = finding("registry-unreachable", "error", brief=" not verified: registry r.example unreachable (tls)")
    pairs = [
        (judged("a", "nginx:1"), hub),
        (judged("b", "r.example/b:1"), dns),
        (judged("c", "redis:7"), hub),
        (judged("d", "r.example/d:1"), tls),
        (judged("e", "r.example/e:1"), tls),
        (judged("f", "quay.io/f:1"), quay),
    ]
    assert warnings(verdict(*pairs)) == (
        "registry docker.io rate-limited us (429); 2 images not verified [rate-limited]",
        'container "b": r.example/b:1 not verified: registry r.example unreachable (dns) [registry-unreachable]',
        "registry r.example unreachable (tls); 2 images not verified [registry-unreachable]",
        'container "f": quay.io/f:1 not verified: registry quay.io rate-limited us (429) [rate-limited]',
    )


def test_failures_of_a_class_other_than_error_are_never_grouped(judged: Make, finding: Find, verdict: Decide) -> None:
    gone = finding("image-not-found", brief=" not verified: a trick")
    assert len(warnings(verdict(*[(judged(name, f"x/{name}:1"), gone) for name in "ab"]))) == 2


def test_failures_come_first_and_no_line_twice(judged: Make, finding: Find, verdict: Decide) -> None:
    latest = finding("latest-tag", "warn", brief=" uses a mutable tag")
    web, api = judged("web", "nginx:latest"), judged("api", "x:1")
    lines = warnings(verdict((web, latest), (web, latest), (api, finding("image-not-found"))))
    assert [line.rpartition(" ")[2] for line in lines] == ["[image-not-found]", "[latest-tag]"]


def test_the_eleventh_line_is_counted(judged: Make, finding: Find, verdict: Decide) -> None:
    pairs = [(judged(f"c{number}", "x:1"), finding("image-not-found")) for number in range(14)]
    assert len(warnings(verdict(*pairs[:10]))) == 10
    lines = warnings(verdict(*pairs))
    assert len(lines) == 10
    assert lines[-1] == "and 5 more; `pullproof check` on the manifest shows all"


def test_a_long_reference_is_cut_in_the_middle(judged: Make, finding: Find) -> None:
    image = "123456789012.dkr.ecr.eu-central-1.amazonaws.com/" + "team/" * 12 + "api@sha256:" + "ab" * 32
    line = warning(judged("api", image), finding("image-not-found"))
    assert len(line) == 120
    assert line.startswith('container "api": 123456789012.dkr.ecr.eu-c')
    assert line.endswith("abababab not found in registry [image-not-found]")


def test_characters_that_terminals_act_on_become_visible(judged: Make, finding: Find) -> None:
    line = warning(
        judged("a\x1b[31m", "nginx\n:1\x9b\u202e\u2028\x7f"), finding("invalid-reference", brief=" is bad\r\n")
    )
    assert line == 'container "a?[31m": nginx?:1???? is bad?? [invalid-reference]'


def test_a_denial_names_every_image_and_one_fix_per_cause(judged: Make, finding: Find, verdict: Decide) -> None:
    gone = finding("image-not-found", message="tag not found. Nearest tags: 1.4.1, 1.4.0.", fix="use 1.4.1")
    refused = finding("unauthorized", message='401 with secret "regcred".', fix="kubectl create secret …")
    pairs = [
        (judged("api", "ghcr.io/acme/api:1.4.2"), gone),
        (judged("migrate", "reg.corp.example/db/migrate:9", role=Role.INIT_CONTAINER), refused),
        (judged("too", "ghcr.io/acme/too:1"), gone),
    ]
    assert denial(verdict(*pairs, denied=3, images=4)) == (
        '3 of 4 images cannot be pulled in namespace "shop" (pullproof enforce=baseline):\n'
        '- container "api": ghcr.io/acme/api:1.4.2: tag not found. Nearest tags: 1.4.1, 1.4.0. [image-not-found]\n'
        '- initContainer "migrate": reg.corp.example/db/migrate:9: 401 with secret "regcred". [unauthorized]\n'
        '- container "too": ghcr.io/acme/too:1: tag not found. Nearest tags: 1.4.1, 1.4.0. [image-not-found]\n'
        "Fix: use 1.4.1\n"
        "Fix: kubectl create secret …"
    )


def test_a_denial_by_tag_policy_does_not_say_that_the_pull_fails(judged: Make, finding: Find, verdict: Decide) -> None:
    latest = finding("latest-tag", "warn", message="uses a mutable tag.", fix="pin it")
    assert denial(verdict((judged("web", "nginx"), latest), denied=1, namespace="")).startswith(
        "1 of 1 image refused (pullproof enforce=baseline):"
    )


def test_a_denial_of_many_images_still_ends_with_a_fix(judged: Make, finding: Find, verdict: Decide) -> None:
    pairs = [(judged(f"c{n}", f"x/{n}:1"), finding("image-not-found", fix=f"fix {n} " * 100)) for n in range(40)]
    text = denial(verdict(*pairs, denied=40))
    assert len(text.encode()) <= 1000
    *_, counted, fix = text.splitlines()
    assert re.fullmatch(r"- and \d+ more", counted)
    assert fix.startswith("Fix: fix 0 ")
    assert fix.endswith("…")


def test_audit_is_bounded_and_says_how_much_is_left_out(judged: Make, finding: Find, verdict: Decide) -> None:
    pairs = [(judged(f"c{n}", f"x/{n}:1"), finding("image-not-found")) for n in range(200)]
    value = annotations(verdict(*pairs))["findings"]
    assert len(value.encode()) <= 4096
    findings = json.loads(value)
    assert findings[0] == {
        "container": "c0",
        "image": "x/0:1",
        "code": "image-not-found",
        "class": "fail",
        "certainty": "certain",
    }
    assert findings[-1] == {"more": 200 - len(findings) + 1}


def test_out_of_time() -> None:
    assert unverified(1) == "out of time; 1 image not verified [not-verified]"


texts = st.text(max_size=400)
found = st.builds(
    Finding,
    code=st.sampled_from(Code),
    cls=st.sampled_from(FindingClass),
    message=texts,
    brief=texts,
    fix=st.text(max_size=1500),
    certainty=st.sampled_from([None, *Certainty]),
)
pictures = st.builds(
    ContainerImage,
    role=st.sampled_from(Role),
    name=texts,
    image=st.one_of(texts, st.from_regex(r"[a-z]{1,20}\.example/[a-z]{1,300}:[a-z0-9]{1,100}", fullmatch=True)),
    pull_policy=st.sampled_from(PullPolicy),
    field=st.text(max_size=3),
)
pairs = st.lists(st.tuples(st.builds(Judged, image=pictures), found), max_size=15)
verdicts = st.builds(
    lambda warned, denied, namespace: Verdict(
        workload=Workload(kind="Pod", namespace=namespace, name=""),
        judged=tuple(judged for judged, _ in denied),
        levels={Mode.ENFORCE: Level.STRICT},
        warned=tuple(warned),
        denied=tuple(denied),
        audited=tuple(warned),
    ),
    pairs,
    pairs,
    texts,
)


def is_plain(text: str) -> bool:
    return not any(unicodedata.category(char) in {"Cc", "Cf", "Cs", "Zl", "Zp"} for char in text)


@given(verdicts)
def test_laws_of_warnings(verdict: Verdict) -> None:
    lines = warnings(verdict)
    assert len(lines) <= 10
    assert len(set(lines)) == len(lines)
    assert lines == warnings(verdict)
    for line in lines:
        assert len(line) <= 256
        assert is_plain(line)


@given(pictures, st.sampled_from(Code))
def test_a_warning_keeps_to_120_characters_where_the_reference_allows(image: ContainerImage, code: Code) -> None:
    finding = Finding(code=code, cls=FindingClass.FAIL, message="", brief=" not found in registry", fix="")
    line = warning(Judged(image=image), finding)
    rest = len(line) - min(len(image.image), 48)
    assert len(line) <= max(120, rest + 48)
    assert line.endswith(f"[{code}]")


@given(verdicts.filter(lambda verdict: bool(verdict.denied)))
def test_laws_of_denials(verdict: Verdict) -> None:
    text = denial(verdict)
    assert len(text.encode()) <= 1000
    assert all(is_plain(line) for line in text.split("\n"))
    assert "[" in text


@given(verdicts)
def test_laws_of_annotations(verdict: Verdict) -> None:
    for key, value in annotations(verdict).items():
        assert re.fullmatch(r"[a-z]+", key)
        assert len(value.encode()) <= 4096
        assert is_plain(value)
        if key == "findings":
            assert isinstance(json.loads(value), list)
