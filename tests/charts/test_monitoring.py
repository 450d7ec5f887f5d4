"""The dashboard, the rules and the other doors in the chart: consistent with what the program exposes and serves."""

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from webhook.metrics import Metrics
from webhook.settings.decoding import decode
from webhook.wiring.registration import load_registration

CHART = Path(__file__).parents[2] / "charts/pullproof"
DASHBOARD: dict[str, Any] = json.loads((CHART / "dashboard.json").read_text())
RULES = [rule for group in yaml.safe_load((CHART / "rules.yaml").read_text())["groups"] for rule in group["rules"]]


def exposed() -> set[str]:
    """Return every name that a query may use, without the times of creation."""
    kinds = re.findall(r"^# TYPE (\S+) (\S+)", Metrics(version="1").render()[0].decode(), re.MULTILINE)
    names = {name for name, kind in kinds if kind != "histogram" and not name.endswith("_created")}
    return names | {
        f"{name}{end}" for name, kind in kinds if kind == "histogram" for end in ("_bucket", "_sum", "_count")
    }


def queries() -> Iterator[tuple[str, str]]:
    for panel in DASHBOARD["panels"]:
        for target in panel.get("targets", ()):
            yield panel["title"], target["expr"]


def test_what_dashboard_and_rules_name_exists() -> None:
    used = " ".join([*(expression for _, expression in queries()), *(rule["expr"] for rule in RULES)])
    used += DASHBOARD["templating"]["list"][1]["definition"]
    names = set(re.findall(r"\bpullproof_[a-z_]+", used))
    assert len(names) > 12
    assert names - exposed() == set()


def test_the_dashboard_shows_every_metric() -> None:
    shown = set(re.findall(r"\bpullproof_[a-z_]+", " ".join(expression for _, expression in queries())))
    families = {re.sub(r"_(bucket|sum|count)$", "", name) for name in shown}
    assert {re.sub(r"_(bucket|sum|count)$", "", name) for name in exposed()} - families == set()


def test_prometheus_can_read_every_query_of_the_dashboard(promtool: str, tmp_path: Path) -> None:
    rules = [
        {
            "record": f"panel:query{number}",
            "expr": expression.replace("$__rate_interval", "5m").replace("$registry", ".*"),
        }
        for number, (_, expression) in enumerate(queries())
    ]
    path = tmp_path / "dashboard.yaml"
    path.write_text(yaml.safe_dump({"groups": [{"name": "dashboard", "rules": rules}]}))
    done = subprocess.run([promtool, "check", "rules", str(path)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_panels_do_not_meet() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in DASHBOARD["panels"]:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken, panel["title"]
        assert max(x for x, _ in cells) < 24
        taken |= cells
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])


def test_the_chart_brings_them_where_they_are_asked_for(render) -> None:
    assert not {"PrometheusRule", "ServiceMonitor"} & {each["kind"] for each in render()}
    objects = render("grafanaDashboard.enabled=true", "prometheusRule.enabled=true", "serviceMonitor.enabled=true")
    (rule,) = [each for each in objects if each["kind"] == "PrometheusRule"]
    assert [each["alert"] for each in rule["spec"]["groups"][0]["rules"]] == [each["alert"] for each in RULES]
    (board,) = [each for each in objects if each["metadata"]["name"] == "pullproof-dashboard"]
    assert board["metadata"]["labels"]["grafana_dashboard"] == "1"
    assert json.loads(board["data"]["pullproof.json"]) == DASHBOARD


def test_the_other_doors_are_closed_unless_asked_for(render, tmp_path: Path) -> None:
    def opened(*values: str):
        objects = render(*values)
        maps = {
            each["metadata"]["name"]: each["data"] for each in objects if each["kind"] == "ConfigMap" and "data" in each
        }
        (tmp_path / "registration.yaml").write_text(maps["pullproof-registration"]["registration.yaml"])
        return (
            objects,
            decode(maps["pullproof"]["config.yaml"]).server,
            load_registration(tmp_path / "registration.yaml"),
        )

    objects, server, registered = opened()
    assert (server.image_review.enabled, server.external_data.enabled, registered.provider) == (False, False, "")
    assert "Provider" not in {each["kind"] for each in objects}
    objects, server, registered = opened("imageReview.enabled=true", "externalData.enabled=true")
    assert server.image_review.enabled
    assert set(server.image_review.exclude_namespaces) == {"kube-system", "kube-node-lease", "pullproof-system"}
    (provider,) = [each for each in objects if each["kind"] == "Provider"]
    assert server.external_data.enabled
    assert registered.provider == provider["metadata"]["name"]
    assert provider["spec"]["url"] == "https://pullproof.pullproof-system.svc:443/externaldata?timeout=3s"
    assert "pullproof.pullproof-system.svc" in registered.dns_names("pullproof-system")


@pytest.mark.parametrize("value", ["externalData.timeoutSeconds=0", "imageReview.on=true"])
def test_wrong_values_are_refused(helm, value: str) -> None:
    assert helm("template", "x", str(CHART), f"--set={value}").returncode != 0


def test_the_provider_is_the_only_one_that_may_be_written(render) -> None:
    def rights(*values: str):
        roles = [each for each in render(*values) if each["kind"] == "ClusterRole"]
        return [rule for role in roles for rule in role["rules"] if "providers" in rule["resources"]]

    assert rights() == []
    (rule,) = rights("externalData.enabled=true", "externalData.provider=images")
    assert (rule["resourceNames"], rule["verbs"]) == (["images"], ["get", "patch"])


def test_the_service_monitor_finds_the_service(render) -> None:
    objects = render("serviceMonitor.enabled=true")
    (monitor,) = [each for each in objects if each["kind"] == "ServiceMonitor"]
    (service,) = [each for each in objects if each["kind"] == "Service"]
    wanted = monitor["spec"]["selector"]["matchLabels"]
    assert wanted
    assert wanted.items() <= service["metadata"]["labels"].items()
    assert {each["port"] for each in monitor["spec"]["endpoints"]} <= {
        each["name"] for each in service["spec"]["ports"]
    }
