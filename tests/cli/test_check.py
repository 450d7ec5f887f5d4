"""`pullproof check`, from arguments to exit code."""

import contextlib
import json
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol

import pytest


class Done(Protocol):
    code: int
    out: str
    err: str


class World(Protocol):
    holds: set[str]
    down: set[str]
    private: set[str]
    hangs: set[str]
    asked: list[str]


Run = Callable[..., Done]


def pod(*images: str, name: str = "api", extra: str = "") -> str:
    containers = "".join(f"    - name: c{place}\n      image: {image}\n" for place, image in enumerate(images))
    return f"apiVersion: v1\nkind: Pod\nmetadata: {{name: {name}}}\nspec:\n{extra}  containers:\n{containers}"


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    with contextlib.chdir(tmp_path):
        yield tmp_path


def test_good_images_are_no_finding(run: Run) -> None:
    done = run("check", "-", stdin=pod("nginx:1.29"))
    assert (done.code, done.out, done.err) == (0, "1 image: 1 pass\n", "")


def test_a_finding_names_file_line_and_column_and_the_fix(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "api.yaml"
    file.write_text(pod("nginx:1.29", "ghcr.io/acme/api:1.4.2"))
    done = run("check", file)
    assert done.code == 1
    first, where, *_ = done.out.splitlines()
    assert first.startswith(f"{file}:9:14: fail")
    assert "ghcr.io/acme/api:1.4.2: tag not found. Nearest tags: 1.4.1. [image-not-found]" in first
    assert where == '    container "c1" of Pod default/api'
    assert "fix: " in done.out
    assert done.out.endswith("2 images: 1 pass, 1 fail\n")


@pytest.mark.parametrize(
    ("images", "fail_on", "code"),
    [
        pytest.param(["nginx:1.29"], "fail", 0, id="nothing"),
        pytest.param(["gone:1"], "fail", 1, id="failure"),
        pytest.param(["gone:1"], "never", 0, id="failure, never"),
        pytest.param(["busybox"], "fail", 0, id="warning"),
        pytest.param(["busybox"], "warn", 1, id="warning counts"),
        pytest.param(["busybox"], "error", 0, id="warning beside errors"),
        pytest.param(["down.example/x:1"], "fail", 3, id="unknown"),
        pytest.param(["down.example/x:1"], "error", 1, id="unknown counts"),
        pytest.param(["down.example/x:1"], "never", 0, id="unknown, never"),
        pytest.param(["down.example/x:1", "busybox"], "warn", 1, id="unknown and warning"),
        pytest.param(["down.example/x:1", "busybox"], "fail", 3, id="unknown and warning, fail"),
        pytest.param(["down.example/x:1", "gone:1"], "fail", 1, id="unknown and failure"),
    ],
)
@pytest.mark.parametrize("output", ["text", "json", "sarif"])
def test_exit_codes_never_depend_on_the_format(
    run: Run, world: World, images: list[str], fail_on: str, code: int, output: str
) -> None:
    world.down.add("down.example")
    assert run("check", "-", "--fail-on", fail_on, "-o", output, stdin=pod(*images)).code == code


def test_a_broken_file_ends_in_2_and_the_others_are_checked(run: Run, folder: Path) -> None:
    (folder / "a.yaml").write_text("a: [\n")
    (folder / "b.yaml").write_text(pod("gone:1"))
    done = run("check", ".", "-o", "json")
    assert done.code == 2
    assert [image["verdict"] for image in json.loads(done.out)["images"]] == ["fail"]
    assert done.err == (
        "pullproof: a.yaml:2: not valid YAML: did not find expected node content; correct it, or leave the file out\n"
    )


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        pytest.param(["check"], "missing argument 'PATH'; see `pullproof check --help`", id="no path"),
        pytest.param(["check", "x", "--xyzzy"], "no such option: --xyzzy; see `pullproof check --help`", id="option"),
        pytest.param(["check", "x", "-o", "jsn"], "-o cannot be 'jsn'; did you mean 'json'?", id="format"),
        pytest.param(
            ["check", "x", "--fail-on", "x"],
            "--fail-on cannot be 'x'; known are fail, warn, error, never",
            id="fail on",
        ),
        pytest.param(["check", "x", "--timeout", "soon"], "--timeout: 'soon' is no length of time", id="timeout"),
        pytest.param(["check", "x", "--timeout", "0s"], "--timeout leaves no time", id="no time"),
        pytest.param(["check", "x", "--platform", "a/b/c/d/e"], "--platform: ", id="platform"),
        pytest.param(["check", "x", "--config", "no.yaml"], "no.yaml: cannot be read: ", id="configuration"),
        pytest.param(["check", "-", "--baseline", "no.json"], "no baseline 'no.json'; write it anew", id="baseline"),
        pytest.param(["check", "x", "-o", "json", "-o", "yaml"], "two formats for standard output", id="two formats"),
        pytest.param(["check", "x", "--output", "f"], "--output f has no format", id="file without a format"),
        pytest.param(["check", "-", "-o", "json", "--output", "no/f"], "cannot write 'no/f': ", id="no such folder"),
        pytest.param(["check", "x", "--changed-since", "-x"], "--changed-since wants a revision", id="revision"),
        pytest.param(["chek"], "no such command 'chek'; did you mean 'check'?", id="command"),
    ],
)
def test_every_mistake_is_one_line_and_2(run: Run, folder: Path, argv: list[str], message: str) -> None:
    done = run(*argv, stdin=pod("nginx:1.29"))
    assert done.code == 2
    (line,) = done.err.splitlines()
    assert line.startswith(f"pullproof: error: {message}")


def test_what_is_not_there_is_named(run: Run, folder: Path) -> None:
    done = run("check", "nowhere.yaml")
    assert (done.code, done.err) == (2, "pullproof: nowhere.yaml: no such file or folder; check the path\n")


def test_nothing_to_judge_is_said(run: Run, folder: Path) -> None:
    (folder / "values.yaml").write_text("image: {tag: 1}\n")
    done = run("check", ".")
    assert (done.code, done.out) == (0, "0 images\n")
    assert done.err == "pullproof: no images: 0 Kubernetes objects and 1 other YAML document looked at\n"


def test_a_chart_is_named(run: Run, folder: Path) -> None:
    (folder / "api" / "templates").mkdir(parents=True)
    (folder / "api" / "Chart.yaml").write_text("apiVersion: v2\nname: api\n")
    (folder / "api" / "templates" / "d.yaml").write_text("{{ if }}\n")
    done = run("check", ".")
    assert done.code == 0
    assert "api: an unrendered Helm chart, skipped; `helm template api | pullproof check -`" in done.err


def test_several_formats_at_once(run: Run, folder: Path) -> None:
    done = run(
        "check",
        "-",
        "-o",
        "sarif",
        "--output",
        "r.sarif",
        "-o",
        "text",
        "-ojson",
        "--output=r.json",
        stdin=pod("gone:1"),
    )
    assert done.code == 1
    assert "[image-not-found]" in done.out
    assert json.loads((folder / "r.sarif").read_text())["version"] == "2.1.0"
    assert json.loads((folder / "r.json").read_text())["summary"]["fail"] == 1
    assert sorted(path.name for path in folder.iterdir()) == ["r.json", "r.sarif"]


def test_pull_secrets_stand_beside_the_pod(run: Run, world: World) -> None:
    world.private.add("ghcr.io/acme/db:9")
    secret = (
        "---\napiVersion: v1\nkind: Secret\nmetadata: {name: regcred}\ntype: kubernetes.io/dockerconfigjson\n"
        'stringData: {.dockerconfigjson: \'{"auths":{"ghcr.io":{"username":"acme","password":"hunter2"}}}\'}\n'
    )
    document = pod("ghcr.io/acme/db:9", extra="  imagePullSecrets: [{name: regcred}]\n")
    assert run("check", "-", stdin=document + secret).code == 0
    elsewhere = secret.replace("{name: regcred}", "{name: regcred, namespace: other}")
    done = run("check", "-", stdin=document + elsewhere)
    assert (done.code, "[credentials-unavailable]" in done.out) == (3, True)
    done = run("check", "-", "--complete", stdin=document + elsewhere)
    assert (done.code, "[pull-secret-missing]" in done.out) == (0, True)
    assert run("check", "-", "-n", "other", stdin=document + elsewhere).code == 0
    assert "hunter2" not in done.out + done.err


def test_a_private_image_without_any_secret_is_a_failure(run: Run, world: World) -> None:
    world.private.add("ghcr.io/acme/db:9")
    done = run("check", "-", stdin=pod("ghcr.io/acme/db:9"))
    assert (done.code, "[no-pull-secret]" in done.out) == (1, True)


def test_offline_asks_nobody(run: Run, world: World) -> None:
    done = run("check", "-", "--offline", "--fail-on", "warn", stdin=pod("nginx:1.29", "busybox", "UPPER:1"))
    assert world.asked == []
    assert "[latest-tag]" in done.out
    assert "[invalid-reference]" in done.out
    assert done.code == 1


def test_comments_and_annotations_set_findings_aside(run: Run) -> None:
    text = pod("gone:1  # pullproof: ignore image-not-found pushed by the release job", "gone:2")
    done = run("check", "-", stdin=text)
    assert done.code == 1
    assert done.out.count("[image-not-found]") == 1
    assert "(1 finding ignored)" in done.out
    annotated = text.replace("{name: api}", '{name: api, annotations: {ignore.pullproof.dev/image-not-found: "later"}}')
    assert run("check", "-", stdin=annotated).code == 0


def test_a_baseline_lets_an_old_repository_begin(run: Run, folder: Path) -> None:
    text = pod("gone:1", "busybox")
    done = run("check", "-", "--fail-on", "warn", "--write-baseline", "b.json", stdin=text)
    assert (done.code, "baseline written to b.json" in done.err) == (0, True)
    assert run("check", "-", "--fail-on", "warn", "--baseline", "b.json", stdin=f"# moved\n\n{text}").code == 0
    worse = run("check", "-", "--baseline", "b.json", stdin=pod("gone:1", "gone:2"))
    assert worse.code == 1
    assert worse.out.count("[image-not-found]") == 1
    assert "1 of 2 findings in the baseline are gone" in worse.err


def test_a_baseline_forgives_nothing_that_could_not_be_verified(run: Run, world: World, folder: Path) -> None:
    world.down.add("down.example")
    text = pod("down.example/x:1")
    assert run("check", "-", "--write-baseline", "b.json", stdin=text).code == 0
    assert run("check", "-", "--baseline", "b.json", stdin=text).code == 3


@pytest.mark.parametrize("text", ["{", '{"schemaVersion": "9", "findings": []}', '{"findings": 1}'])
def test_a_strange_baseline_says_what_to_do(run: Run, folder: Path, text: str) -> None:
    (folder / "b.json").write_text(text)
    done = run("check", "-", "--baseline", "b.json", stdin=pod("nginx:1.29"))
    assert done.code == 2
    assert done.err.rstrip().endswith("write it anew: pullproof check … --write-baseline b.json")
    assert len(done.err.splitlines()) == 1


def git(folder: Path, *arguments: str) -> None:
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", "-C", folder, *identity, *arguments], check=True, capture_output=True)


def test_only_what_changed(run: Run, folder: Path) -> None:
    git(folder, "init", "-q")
    for name in ("old", "edited", "gone"):
        (folder / f"{name}.yaml").write_text(pod(f"gone:{name}", name=name))
    git(folder, "add", ".")
    git(folder, "commit", "-qm", "one")
    (folder / "edited.yaml").write_text(pod("gone:edited-now", name="edited"))
    (folder / "new.yaml").write_text(pod("gone:new", name="new"))
    (folder / "gone.yaml").unlink()
    done = run("check", ".", "--changed-since", "HEAD", "-o", "json")
    assert [image["image"] for image in json.loads(done.out)["images"]] == ["gone:edited-now", "gone:new"]
    wrong = run("check", ".", "--changed-since", "nowhere")
    assert wrong.code == 2
    assert wrong.err.startswith("pullproof: error: --changed-since: bad revision 'nowhere'")


def test_changed_since_wants_a_checkout(run: Run, folder: Path) -> None:
    done = run("check", ".", "--changed-since", "HEAD")
    assert done.code == 2
    assert "not a git repository" in done.err


def test_many_images_keep_their_order_and_are_looked_up_side_by_side(run: Run, world: World) -> None:
    names = [f"gone:{number}" for number in range(300)]
    done = run("check", "-", "-o", "json", stdin="---\n".join(pod(name, name=f"p{name[5:]}") for name in names))
    assert [image["image"] for image in json.loads(done.out)["images"]] == names


def test_an_interrupt_tells_what_is_known(run: Run, world: World) -> None:
    world.hangs.add("docker.io/library/slow:1")
    timer = threading.Timer(0.5, signal.pthread_kill, [threading.main_thread().ident, signal.SIGINT])
    timer.start()
    done = run("check", "-", "--timeout", "60s", stdin="---\n".join([pod("gone:1"), pod("slow:1"), pod("gone:2")]))
    timer.join()
    assert done.code == 130
    assert done.out.count("[image-not-found]") == 2
    assert "interrupted: 2 of 3 objects checked" in done.err


def test_a_person_sees_progress_and_colours(run: Run) -> None:
    text = "---\n".join([pod("gone:1"), pod("nginx:1.29")])
    done = run("check", "-", stdin=text, terminal=True)
    assert "1 of 2 objects checked" in done.err
    assert done.err.endswith("\r\x1b[K")
    assert "\x1b[1;31mfail" in done.out
    for environ in ({"NO_COLOR": "1"}, {"TERM": "dumb"}):
        assert "\x1b[" not in run("check", "-", stdin=text, terminal=True, **environ).out
    assert "\x1b[" not in run("check", "-", stdin=text).out


def test_the_configuration_further_up_holds(run: Run, folder: Path) -> None:
    (folder / ".pullproof.yaml").write_text(
        "apiVersion: config.pullproof.dev/v1alpha1\nkind: PullproofConfiguration\n"
        "checks: {latest-tag: {tags: ['1.29']}}\n"
    )
    (folder / "deploy" / "base").mkdir(parents=True)
    with contextlib.chdir(folder / "deploy" / "base"):
        assert "[latest-tag]" in run("check", "-", stdin=pod("nginx:1.29")).out


def test_a_wrong_configuration_names_its_line(run: Run, folder: Path) -> None:
    (folder / ".pullproof.yaml").write_text("checks:\n  latest-tags: {}\n")
    done = run("check", "-", stdin=pod("nginx:1.29"))
    assert done.code == 2
    assert ".pullproof.yaml:2: checks: unknown key 'latest-tags'; did you mean 'latest-tag'?" in done.err


def test_helm_like_standard_input(run: Run) -> None:
    empty = "---\n# Source: api/templates/empty.yaml\n---\n"
    text = f"# Source: api/templates/pod.yaml\n{pod('nginx:1.29')}{empty}{pod('gone:1')}"
    done = run("check", "-", stdin=text)
    assert done.out.startswith("<stdin>:18:14: fail")


def test_hostile_names_stay_on_their_line(run: Run) -> None:
    done = run("check", "-", stdin=pod('"a\\e[2J\\r\\nb:1"'), terminal=True, NO_COLOR="1")
    assert "\x1b[2J" not in done.out
    assert done.code == 1
