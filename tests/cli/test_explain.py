"""`pullproof explain`: steps, the cause, the fix."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import pytest
from markdown_it import MarkdownIt

MANIFESTS = Path(__file__).parents[2] / "examples" / "manifests"


class Done(Protocol):
    code: int
    out: str
    err: str


class World(Protocol):
    down: set[str]
    private: set[str]


Run = Callable[..., Done]


def test_a_reference_that_is_fine(run: Run) -> None:
    done = run("explain", "nginx:1.29")
    assert done.code == 0
    assert done.out.startswith("pass: nginx:1.29 would be pulled\n")
    assert "registry docker.io, asked at https://registry-1.docker.io" in done.out
    assert "repository library/nginx" in done.out
    assert "IfNotPresent: " in done.out


def test_a_missing_tag_has_its_cause_and_its_fix(run: Run) -> None:
    done = run("explain", "ghcr.io/acme/api")
    assert done.code == 1
    assert "tag latest (none is given)" in done.out
    answer, fix, *rest = done.out.splitlines()
    assert answer == "fail: ghcr.io/acme/api: tag not found. Nearest tags: 1.4.1. [image-not-found]"
    assert fix.startswith("    fix: write image: ghcr.io/acme/api:1.4.1")
    assert rest[0].startswith("    warn: no tag")


def test_a_digest_beside_a_tag(run: Run) -> None:
    done = run("explain", "ghcr.io/acme/api:1@sha256:" + "0" * 64)
    assert "the tag 1 beside it is never looked at" in done.out


def test_what_cannot_be_parsed(run: Run) -> None:
    done = run("explain", "ghcr.io/Acme/api:1")
    assert done.code == 1
    assert "must be lowercase" in done.out


def test_every_secret_is_considered(run: Run) -> None:
    done = run("explain", "-f", MANIFESTS / "bad" / "secrets.yaml", "--complete")
    assert 'secret "opaque"' in done.out
    assert "not tried: registry-1.docker.io, nodes never look there for Docker Hub images" in done.out
    assert "malformed: " in done.out
    assert "does not exist in the pod's namespace" in done.out


def test_one_object_of_many(run: Run) -> None:
    done = run("explain", "-f", MANIFESTS / "bad" / "secrets.yaml", "pod/no-match", "-o", "json")
    (one,) = json.loads(done.out)["explanations"]
    assert one["workload"]["name"] == "no-match"
    assert [step["step"] for step in one["steps"]][:3] == ["name", "pull policy", 'secret "wrong-host"']
    assert one["cause"]["code"] == json.loads(done.out)["cause"] == "image-not-found"


def test_of_several_images_those_that_fail_come_first(run: Run) -> None:
    done = run("explain", "nginx:1.29", "ghcr.io/acme/api:9", "busybox")
    answers = [line for line in done.out.splitlines() if line.startswith(("fail: ", "pass: "))]
    assert [answer.split()[1].rstrip(":") for answer in answers] == ["ghcr.io/acme/api:9", "nginx:1.29", "busybox"]
    told = json.loads(run("explain", "nginx:1.29", "ghcr.io/acme/api:9", "-o", "json").out)["explanations"]
    assert [each["image"] for each in told] == ["nginx:1.29", "ghcr.io/acme/api:9"]


def test_markdown_for_tickets(run: Run, world: World) -> None:
    world.down.add("down.example")
    done = run("explain", "down.example/x:1", "-o", "markdown")
    assert done.code == 3
    html = MarkdownIt("commonmark").enable("table").render(done.out)
    assert "<h3><code>down.example/x:1</code></h3>" in html
    assert "a NetworkPolicy never rules a node's pulls" in html


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        ([], "nothing to explain; name an object or an image, or manifests with -f, or a --message"),
        (
            ["-f", str(MANIFESTS / "good" / "web.yaml"), "Pod/x"],
            "no 'Pod/x' in these manifests; there are: Deployment/web",
        ),
        (["x", "-o", "xml"], "-o cannot be 'xml'; known are text, markdown, json"),
        (["--message", "hello"], "this message says nothing of a pull that is known"),
    ],
)
def test_mistakes_are_one_line(run: Run, argv: list[str], message: str) -> None:
    done = run("explain", *argv)
    assert done.code == 2
    assert done.err.startswith(f"pullproof: error: {message}")
    assert len(done.err.splitlines()) == 1


def test_a_message_is_translated(run: Run) -> None:
    done = run("explain", "--message", "Failed to pull image: ghcr.io/a/b:1: not found")
    assert (done.code, done.out) == (
        0,
        "the registry does not have this repository, tag or digest [image-not-found]\n"
        "more: pullproof rules show image-not-found\n",
    )
