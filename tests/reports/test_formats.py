"""Every format, against its golden text and against parsers that others wrote."""

import base64
import hashlib
import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import junitparser
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from sarif_kit.validate import validation_errors

from webhook.policy.decision import Judged, Verdict
from webhook.policy.finding import Code, Finding, FindingClass
from webhook.reports.formats import Format, render
from webhook.reports.html_parts import SCRIPT, STYLE
from webhook.reports.report import Report, reported
from webhook.workload.workload import ContainerImage, PullPolicy, Role, Workload

GOLDEN = Path(__file__).parent / "golden"
SUFFIXES = {Format.JSON: "json", Format.YAML: "yaml", Format.MARKDOWN: "md", Format.POLICY_REPORT: "yaml"}


def comparable(text: str, name: Format) -> str:
    """Leave out what comes from elsewhere: the checks' pages and the version."""
    if name is not Format.SARIF:
        return text
    log = json.loads(text)
    del log["runs"][0]["tool"]["driver"]["rules"]
    log["runs"][0]["tool"]["driver"]["semanticVersion"] = "0"
    return json.dumps(log, indent=2, ensure_ascii=False) + "\n"


GOLDEN_FORMATS = [name for name in Format if name is not Format.HTML]


@pytest.mark.parametrize("name", GOLDEN_FORMATS)
def test_the_text_is_the_golden_one(report: Report, name: Format) -> None:
    golden = GOLDEN / f"{name}.{SUFFIXES.get(name, 'txt')}"
    assert comparable(render(report, name), name) == golden.read_text()


@pytest.mark.parametrize("name", list(Format))
def test_every_format_copes_with_nothing_at_all(name: Format) -> None:
    assert "\x1b" not in render(Report(), name)


@pytest.mark.parametrize("name", list(Format))
def test_rendering_is_pure(report: Report, name: Format) -> None:
    assert render(report, name) == render(report, name)


def test_the_shape_is_the_promised_one(report: Report) -> None:
    value = json.loads(render(report, Format.JSON))
    assert list(value) == ["schemaVersion", "images", "summary"]
    assert value["schemaVersion"] == "1"
    assert value["summary"] == {"pass": 3, "warn": 1, "fail": 3, "error": 1, "skip": 1}
    for image in value["images"]:
        assert list(image) == ["image", "workload", "container", "field", "source", "verdict", "findings", "resolved"]
        assert list(image["workload"]) == ["kind", "namespace", "name"]
        assert image["source"] is None or list(image["source"]) == ["file", "line", "column"]
        assert image["resolved"] is None or list(image["resolved"]) == ["digest", "mediaType", "platforms"]
        for finding in image["findings"]:
            assert list(finding) == ["code", "class", "certainty", "message", "fix"]
    assert value["images"][1]["resolved"]["platforms"] == ["linux/amd64", "linux/arm64/v8"]


def test_yaml_says_what_json_says(report: Report) -> None:
    assert yaml.safe_load(render(report, Format.YAML)) == json.loads(render(report, Format.JSON))


def test_colours_change_nothing_else(report: Report) -> None:
    for name in (Format.TEXT, Format.WIDE):
        coloured = render(report, name, colours=True)
        assert "\x1b[1;31m" in coloured
        assert re.sub(r"\x1b\[[0-9;]*m", "", coloured) == render(report, name)


def test_junit_is_read_by_junitparser(report: Report) -> None:
    suites = junitparser.JUnitXml.fromstring(render(report, Format.JUNIT).encode())
    assert [(suite.name, suite.tests, suite.failures, suite.errors, suite.skipped) for suite in suites] == [
        ("deploy/api.yaml", 5, 2, 0, 0),
        ("jobs/a b.yaml", 2, 0, 1, 1),
        ("images", 2, 1, 0, 0),
    ]
    cases = [case for suite in suites for case in suite]
    assert [type(result).__name__ for case in cases for result in case.result] == [
        "Failure",
        "Failure",
        "Error",
        "Skipped",
        "Failure",
    ]
    assert cases[0].result[0].type == Code.IMAGE_NOT_FOUND


def test_github_commands_have_one_line_each(report: Report) -> None:
    lines = render(report, Format.GITHUB).splitlines()
    commands = [line for line in lines if line.startswith("::")]
    assert len(commands) == 6
    pattern = re.compile(r"::(error|warning|notice) [a-zA-Z]+=[^,:]*(,[a-zA-Z]+=[^,:]*)*::.+")
    assert all(pattern.fullmatch(line) for line in commands)
    assert commands[0].startswith("::error file=deploy/api.yaml,line=17,endLine=17,col=18,endColumn=40,title=fail%3A ")


def test_gitlab_fingerprints_are_distinct_and_stable(report: Report) -> None:
    issues = json.loads(render(report, Format.GITLAB))
    assert len({issue["fingerprint"] for issue in issues}) == len(issues) == 6
    assert {issue["severity"] for issue in issues} <= {"info", "minor", "major", "critical", "blocker"}
    moved = json.loads(render(Report(images=report.images[::-1]), Format.GITLAB))
    assert {issue["fingerprint"] for issue in moved} == {issue["fingerprint"] for issue in issues}
    twice = json.loads(render(Report(images=report.images * 2), Format.GITLAB))
    assert len({issue["fingerprint"] for issue in twice}) == 12


def test_policy_reports_count_their_results(report: Report) -> None:
    reports = list(yaml.safe_load_all(render(report, Format.POLICY_REPORT)))
    assert [(one["kind"], one["metadata"].get("namespace")) for one in reports] == [
        ("PolicyReport", "shop"),
        ("PolicyReport", "ops"),
        ("ClusterPolicyReport", None),
    ]
    for one in reports:
        assert one["apiVersion"] == "wgpolicyk8s.io/v1alpha2"
        for result, number in one["summary"].items():
            assert sum(each["result"] == result for each in one["results"]) == number
        for each in one["results"]:
            assert {"source", "policy", "result", "resources", "rule"} <= set(each)
            assert all(isinstance(value, str) for value in each["properties"].values())


def test_markdown_is_a_table_with_a_row_a_finding(report: Report) -> None:
    tokens = MarkdownIt("commonmark").enable("table").parse(render(report, Format.MARKDOWN))
    assert [token.type for token in tokens].count("tr_open") == 1 + 6


def test_sarif_points_at_the_scalars(report: Report) -> None:
    (run,) = json.loads(render(report, Format.SARIF))["runs"]
    regions = [result["locations"][0]["physicalLocation"]["region"] for result in run["results"] if result["locations"]]
    assert regions[0] == {"startLine": 17, "startColumn": 18, "endLine": 17, "endColumn": 40}
    rules = {rule["id"] for rule in run["tool"]["driver"]["rules"]}
    assert {result["ruleId"] for result in run["results"]} <= rules == set(Code)
    assert [result["ruleId"] for result in run["results"] if "suppressions" in result] == ["latest-tag"]
    uris = {
        result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
        for result in run["results"]
        if result["locations"]
    }
    assert uris == {"deploy/api.yaml", "jobs/a%20b.yaml"}
    assert run["invocations"][0]["executionSuccessful"] is False


def test_sarif_is_valid_whatever_is_told(report: Report, hostile: Report) -> None:
    running = Report(images=tuple(replace(image, place=None) for image in report.images))
    for each in (report, hostile, running, Report()):
        assert validation_errors(json.loads(render(each, Format.SARIF))) == []
    (run,) = json.loads(render(running, Format.SARIF))["runs"]
    names = [
        place["fullyQualifiedName"]
        for one in run["results"]
        for each in one["locations"]
        for place in each["logicalLocations"]
    ]
    assert names[0] == "Deployment shop/api/api"


def test_the_page_brings_all_it_needs_and_loads_nothing(report: Report) -> None:
    page = render(report, Format.HTML)
    assert not re.search(r"""(?:src|href)=|url\(|@import|fetch\(""", page)
    assert page.count('<tr data-verdict="') == len(report.images)
    for part in (STYLE, SCRIPT):
        digest = base64.b64encode(hashlib.sha256(part.encode()).digest()).decode()
        assert f"sha256-{digest}" in page
        assert f">{part}</" in page


class Scripts(HTMLParser):
    """Collects what a browser would take for tags."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)


@pytest.mark.parametrize("name", list(Format))
def test_hostile_texts_stay_texts(hostile: Report, name: Format) -> None:
    text = render(hostile, name)
    match name:
        case Format.JSON | Format.SARIF | Format.GITLAB:
            assert "<script>" in json.dumps(json.loads(text))
        case Format.YAML | Format.POLICY_REPORT:
            assert list(yaml.safe_load_all(text))
        case Format.JUNIT:
            (suite,) = junitparser.JUnitXml.fromstring(text.encode())
            assert "<script>" in suite.name
        case Format.GITHUB:
            assert sum(line.startswith("::") for line in text.splitlines()) == 1
            assert "%250A" in text
        case Format.MARKDOWN:
            html = MarkdownIt("gfm-like", {"html": True, "linkify": False}).render(text)
            parser = Scripts()
            parser.feed(html)
            assert set(parser.tags) <= {"h3", "p", "table", "thead", "tbody", "tr", "th", "td", "code", "strong", "br"}
        case Format.HTML:
            parser = Scripts()
            parser.feed(text)
            assert parser.tags.count("script") == 1
            assert "a" not in parser.tags
        case _:
            assert text.splitlines()


@given(st.text(st.characters(), max_size=40), st.sampled_from(list(Format)))
def test_any_text_is_a_report_that_parsers_read(text: str, name: Format) -> None:
    container = ContainerImage(role=Role.CONTAINER, name=text, image=text, pull_policy=PullPolicy.ALWAYS, field=text)
    finding = Finding(code=Code.TAG_MOVED, cls=FindingClass.FAIL, message=text, brief=text, fix=text, doubt=text)
    workload = Workload(kind=text or "Pod", namespace=text, name=text, images=(container,))
    verdict = Verdict(workload=workload, judged=(Judged(image=container, findings=(finding,)),))
    rendered = render(Report(images=reported(verdict, {})), name)
    rendered.encode("utf-8")
    assert "\x1b" not in rendered
    match name:
        case Format.JSON | Format.SARIF | Format.GITLAB:
            json.loads(rendered)
        case Format.YAML | Format.POLICY_REPORT:
            assert list(yaml.load_all(rendered, Loader=yaml.CSafeLoader))
        case Format.JUNIT:
            junitparser.JUnitXml.fromstring(rendered.encode())
        case Format.GITHUB:
            assert len(rendered.splitlines()) == 2
        case _:
            assert rendered
