"""The alerts, by promtool: each fires where it should, and stays silent where all is well."""

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

CHART = Path(__file__).parents[2] / "charts/pullproof"
RUNBOOKS = Path(__file__).parents[2] / "docs/runbooks.md"
RULES: list[dict[str, Any]] = [
    rule for group in yaml.safe_load((CHART / "rules.yaml").read_text())["groups"] for rule in group["rules"]
]
ALERTS = {rule["alert"]: rule for rule in RULES}

REQUESTS = 'pullproof_admission_requests_total{decision="%s", pod="%s"}'
CHECKS = 'pullproof_image_checks_total{code="%s", result="%s", registry="%s"}'
SECONDS = 'pullproof_admission_duration_seconds_bucket{le="%s"}'
DAY = 86400

Series = dict[str, str]

WELL: Series = {
    'pullproof_build_info{version="1", pod="a"}': "1x3000",
    REQUESTS % ("allowed", "a"): "0+60x3000",
    REQUESTS % ("denied", "a"): "0+2x3000",
    "pullproof_admission_deadline_exceeded_total": "0+1x3000",
    SECONDS % "0.1": "0+58x3000",
    SECONDS % "2.5": "0+60x3000",
    SECONDS % "+Inf": "0+60x3000",
    CHECKS % ("none", "pass", "docker.io"): "0+60x3000",
    CHECKS % ("not-verified", "error", "docker.io"): "0+3x3000",
    'pullproof_certificate_expiry_timestamp_seconds{cert="serving"}': f"{90 * DAY}x3000",
    "pullproof_config_last_reload_successful": "1x3000",
    'pullproof_registry_circuit_open{registry="docker.io"}': "0x3000",
    'pullproof_contradicted_verdicts_total{registry="docker.io", code="unauthorized"}': "1x3000",
    REQUESTS % ("break-glass", "a"): "3x3000",
    'pullproof_pull_secret_errors_total{reason="late"}': "2x3000",
    'pullproof_scan_images{result="fail"}': "0x3000",
    'pullproof_scan_images{result="pass"}': "40x3000",
}
"""Two days of a webhook with nothing to complain of; a few events lie long behind it."""

ILL: dict[str, tuple[Series, dict[str, str], str]] = {
    "PullproofDown": ({}, {}, ""),
    "PullproofErrors": ({REQUESTS % ("error", "a"): "0+1x100"}, {}, ""),
    "PullproofOutOfTime": (
        {REQUESTS % ("not-verified", "a"): "0+10x100", "pullproof_admission_deadline_exceeded_total": "0+1x100"},
        {},
        "",
    ),
    "PullproofSlow": ({SECONDS % "2.5": "0+8x100", SECONDS % "5": "0+10x100", SECONDS % "+Inf": "0+10x100"}, {}, ""),
    "PullproofDeniesMuch": (
        {REQUESTS % ("denied", "a"): "0+6x100", REQUESTS % ("allowed", "a"): "0+4x100"},
        {},
        "",
    ),
    "PullproofNotVerified": (
        {CHECKS % ("none", "pass", "r"): "0+1x100", CHECKS % ("registry-unreachable", "error", "r"): "0+2x100"},
        {},
        "",
    ),
    "PullproofCertificateExpiring": (
        {'pullproof_certificate_expiry_timestamp_seconds{cert="serving"}': f"{6 * DAY}x100"},
        {"cert": "serving"},
        "",
    ),
    "PullproofConfigurationRefused": (
        {
            'pullproof_config_last_reload_successful{pod="a"}': "1x100",
            'pullproof_config_last_reload_successful{pod="b"}': "0x100",
        },
        {},
        "",
    ),
    "PullproofRegistryDown": (
        {'pullproof_registry_circuit_open{registry="r", pod="a"}': "1x100"},
        {"registry": "r"},
        "",
    ),
    "PullproofRateLimited": (
        {CHECKS % ("rate-limited", "error", "docker.io"): "0+1x100"},
        {"registry": "docker.io"},
        "",
    ),
    "PullproofPullSecretsUnreadable": (
        {'pullproof_pull_secret_errors_total{reason="forbidden"}': "0+1x100"},
        {"reason": "forbidden"},
        "",
    ),
    "PullproofContradicted": (
        {'pullproof_contradicted_verdicts_total{registry="r", code="unauthorized"}': "_x50 1x50"},
        {"registry": "r", "code": "unauthorized"},
        "",
    ),
    "PullproofBreakGlassUsed": ({REQUESTS % ("break-glass", "a"): "_x80 1x20"}, {}, ""),
    "PullproofScanFindsFailures": (
        {
            'pullproof_scan_images{result="fail", pod="a"}': "3x100",
            'pullproof_scan_images{result="fail", pod="b"}': "2x100",
        },
        {},
        "3",
    ),
}
"""What each alert is about, from the start: series, the labels of the alert, its value where the text tells it."""


def tell(text: str, labels: dict[str, str], value: str) -> str:
    return re.sub(r"{{ \$(?:labels\.)?(\w+) }}", lambda found: {**labels, "value": value}[found[1]], text)


def alert(name: str, labels: dict[str, str], value: str) -> dict[str, Any]:
    rule = ALERTS[name]
    notes = {key: tell(text, labels, value) for key, text in rule["annotations"].items()}
    return {"exp_labels": {**labels, **rule["labels"]}, "exp_annotations": notes}


def run(promtool: str, folder: Path, tests: list[dict[str, Any]]) -> None:
    path = folder / "test.yaml"
    body = {"rule_files": [str(CHART / "rules.yaml")], "evaluation_interval": "1m", "tests": tests}
    path.write_text(yaml.safe_dump(body))
    done = subprocess.run([promtool, "test", "rules", str(path)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def inputs(series: Series) -> list[dict[str, str]]:
    return [{"series": name, "values": values} for name, values in series.items()]


def test_promtool_finds_no_fault(promtool: str) -> None:
    done = subprocess.run(
        [promtool, "check", "rules", str(CHART / "rules.yaml")], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{len(RULES)} rules found" in done.stdout


def test_every_alert_has_a_case() -> None:
    assert set(ILL) == set(ALERTS)


@pytest.mark.parametrize("name", ALERTS)
def test_it_fires(promtool: str, tmp_path: Path, name: str) -> None:
    series, labels, value = ILL[name]
    expected = [{"eval_time": "95m", "alertname": name, "exp_alerts": [alert(name, labels, value)]}]
    run(promtool, tmp_path, [{"interval": "1m", "input_series": inputs(series), "alert_rule_test": expected}])


def test_nothing_fires_where_all_is_well(promtool: str, tmp_path: Path) -> None:
    silent = [{"eval_time": "40h", "alertname": name, "exp_alerts": []} for name in ALERTS]
    run(promtool, tmp_path, [{"interval": "1m", "input_series": inputs(WELL), "alert_rule_test": silent}])


def test_nothing_fires_before_it_has_lasted(promtool: str, tmp_path: Path) -> None:
    tests = []
    for name, (series, _, _) in ILL.items():
        if "for" in ALERTS[name]:
            early = [{"eval_time": "4m", "alertname": name, "exp_alerts": []}]
            tests.append({"interval": "1m", "input_series": inputs(series), "alert_rule_test": early})
    assert len(tests) > 10
    run(promtool, tmp_path, tests)


def test_every_alert_has_a_runbook() -> None:
    headings = {
        line.removeprefix("## ").strip() for line in RUNBOOKS.read_text().splitlines() if line.startswith("## ")
    }
    assert headings == set(ALERTS)
    for name, rule in ALERTS.items():
        url = rule["annotations"]["runbook_url"]
        assert url == f"https://github.com/pullproof/pullproof/blob/main/docs/runbooks.md#{name.lower()}"
        assert rule["labels"]["severity"] in {"info", "warning", "critical"}
