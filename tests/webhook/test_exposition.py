"""What a real server exposes: every metric that was promised, by its name and labels, and nothing else.

A real Prometheus scrapes it too, loads the chart's rules, and answers every query of the chart's dashboard.
"""

import asyncio
import json
import os
import re
import shutil
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import kubeapi
import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from webhook.demo.answer import Fault
from webhook.demo.images import ImageSpec
from webhook.demo.site import Quota, Repository, Rule, Site

CHART = Path(__file__).parents[2] / "charts/pullproof"
SITE = Site(
    hosts=("reg.test",),
    personality="bearer",
    quota=Quota(limit=100, remaining=90),
    repositories=(Repository(name="acme/app", tags={"1.0": ImageSpec()}),),
)
DOWN = Site(hosts=("b.test",))

PROMISED = {
    "admission_requests_total": {"resource", "operation", "decision", "dry_run"},
    "admission_duration_seconds": {"resource", "decision"},
    "admission_inflight_requests": set(),
    "admission_deadline_exceeded_total": set(),
    "image_checks_total": {"code", "result", "registry"},
    "registry_requests_total": {"registry", "method", "outcome"},
    "registry_request_duration_seconds": {"registry", "method"},
    "registry_rate_limit_remaining": {"registry"},
    "registry_circuit_open": {"registry"},
    "cache_lookups_total": {"cache", "outcome"},
    "pull_secret_errors_total": {"reason"},
    "certificate_expiry_timestamp_seconds": {"cert"},
    "config_last_reload_successful": set(),
    "contradicted_verdicts_total": {"registry", "code"},
    "scan_images": {"result"},
    "build_info": {"version"},
}
ELSEWHERE = {"contradicted_verdicts_total", "scan_images"}
"""What only a cluster brings about; tests/cluster_api/test_replica.py sees to it that it is counted."""
SET_ONCE = {"build_info", "certificate_expiry_timestamp_seconds"}
"""What is told from the beginning; tests/server/test_health.py has a certificate renewed."""


def pod(*images, secrets=()):
    containers = [{"name": f"c{n}", "image": image} for n, image in enumerate(images)]
    return {"containers": containers, "imagePullSecrets": [{"name": name} for name in secrets]}


async def used(scene):
    """A server that has seen good and bad days."""
    here = await scene(SITE, DOWN)
    here.world.rule(Rule(host="b.test", fault=Fault.RESET))
    for image in ("acme/app:1.0", "acme/app:1.0", "acme/app:typo", "acme/none:1"):
        await here.apply(pod(f"{here.registry}/{image}"))
    for number in range(12):
        await here.apply(pod(f"b.test:{here.server.ports[0]}/acme/app:{number}"), within="2s")
    here.api.forbidden.add("/api/v1/namespaces/shop/secrets/kept")
    await here.apply(pod(f"{here.registry}/acme/app:1.0", secrets=("kept",)))
    return here


async def test_every_promised_metric_is_there_and_no_other(scene):
    here = await used(scene)
    text = (await here.client.get(here.metrics_url)).text
    kinds = dict(re.findall(r"^# TYPE pullproof_(\S+) (\S+)", text, re.MULTILINE))
    assert {name for name in kinds if not name.endswith("_created")} == set(PROMISED)
    labels = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            name = re.sub(r"_(bucket|sum|count)$", "", sample.name.removeprefix("pullproof_"))
            labels.setdefault(name, set()).update(set(sample.labels) - {"le"})
    assert {name: labels.get(name) for name in PROMISED if name not in ELSEWHERE} == {
        name: wanted for name, wanted in PROMISED.items() if name not in ELSEWHERE
    }
    assert "# TYPE" in text
    assert not [line for line in text.splitlines() if not line.startswith(("#", "pullproof_"))]


async def values(here) -> dict[str, dict]:
    """Return all samples by the name that was promised."""
    found: dict[str, dict] = {}
    for family in text_string_to_metric_families((await here.client.get(here.metrics_url)).text):
        for sample in family.samples:
            name = re.sub(r"_(bucket|sum|count)$", "", sample.name.removeprefix("pullproof_"))
            found.setdefault(name, {})[sample.name, tuple(sorted(sample.labels.items()))] = sample.value
    return found


async def until_refused(here, expected: float) -> None:
    async with asyncio.timeout(60):
        while True:
            ((_, told),) = (await values(here))["config_last_reload_successful"].items()
            if told == expected:
                return
            await asyncio.sleep(0.1)


async def test_every_metric_moves(scene, tmp_path: Path):
    here = await scene(SITE, DOWN)
    before = await values(here)
    here.world.rule(Rule(host="b.test", fault=Fault.RESET))
    for image in ("acme/app:1.0", "acme/app:1.0", "acme/app:typo"):
        await here.apply(pod(f"{here.registry}/{image}"))
    for number in range(6):
        await here.apply(pod(f"b.test:{here.server.ports[0]}/acme/app:{number}"), within="2s")
    here.api.forbidden.add("/api/v1/namespaces/shop/secrets/kept")
    await here.apply(pod(f"{here.registry}/acme/app:1.0", secrets=("kept",)))
    here.world.rule(Rule(host="reg.test", fault=Fault.HANG))
    slow = asyncio.create_task(here.apply(pod(f"{here.registry}/acme/app:slow"), within="2s"))
    await asyncio.sleep(0.5)
    during = await values(here)
    await slow
    text = (tmp_path / "config.yaml").read_text()
    (tmp_path / "config.yaml").write_text("nonsense")
    await until_refused(here, 0)
    after = await values(here)
    (tmp_path / "config.yaml").write_text(text)
    await until_refused(here, 1)
    after["admission_inflight_requests"] = during["admission_inflight_requests"]
    moved = {name for name in PROMISED if after.get(name) != before.get(name)}
    assert moved == set(PROMISED) - ELSEWHERE - SET_ONCE
    assert set(before) >= SET_ONCE


async def test_registries_of_the_configuration_have_labels_whatever_came_before(scene):
    here = await scene(SITE, config={"registries": [{"match": "late.example"}, {"match": "*.glob.example"}]})
    for number in range(60):
        await here.apply(pod(f"r{number}.test:1/a/b:1"))
    await here.apply(pod("late.example/a:1"), within="2s")
    families = text_string_to_metric_families((await here.client.get(here.metrics_url)).text)
    (checks,) = [family for family in families if family.name == "pullproof_image_checks"]
    registries = {sample.labels["registry"] for sample in checks.samples}
    assert {"late.example", "other"} <= registries
    assert len(registries) < 30


@asynccontextmanager
async def prometheus(folder: Path, target: str) -> AsyncIterator[httpx.AsyncClient]:
    program = shutil.which("prometheus")
    if program is None:
        if os.environ.get("PULLPROOF_REQUIRE_PARTS") == "1":
            pytest.fail("no prometheus: run `make parts`")
        pytest.skip("no prometheus: run `make parts`")
    port = kubeapi.free_port()
    job = {"job_name": "pullproof", "static_configs": [{"targets": [target]}]}
    body = {
        "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
        "rule_files": [str(CHART / "rules.yaml")],
        "scrape_configs": [job],
    }
    (folder / "prometheus.yml").write_text(yaml.safe_dump(body))
    flags = [f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data"]
    flags += [f"--web.listen-address=127.0.0.1:{port}"]
    with (folder / "prometheus.log").open("wb") as log:
        running = await asyncio.create_subprocess_exec(program, *flags, stdout=log, stderr=log, cwd=folder)
    try:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}/api/v1", trust_env=False) as client:
            yield client
    finally:
        running.kill()
        await running.wait()


def lint(exposed: bytes) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(["promtool", "check", "metrics"], input=exposed, capture_output=True, check=False)


async def ask(client: httpx.AsyncClient, expression: str) -> list:
    answer = (await client.get("/query", params={"query": expression})).json()
    assert answer["status"] == "success", answer
    return answer["data"]["result"]


async def until_scraped(client: httpx.AsyncClient) -> None:
    async with asyncio.timeout(60):
        while True:
            try:
                if await ask(client, "count_over_time(pullproof_build_info[1m]) > 2"):
                    return
            except (httpx.TransportError, json.JSONDecodeError, AssertionError):
                pass
            await asyncio.sleep(0.2)


async def test_a_real_prometheus_reads_all_of_it(scene, tmp_path: Path):
    here = await used(scene)
    async with prometheus(tmp_path, here.metrics_url.removeprefix("http://").removesuffix("/metrics")) as client:
        await until_scraped(client)
        assert (await ask(client, "up"))[0]["value"][1] == "1"
        exposed = (await here.client.get(here.metrics_url)).content
        linted = await asyncio.to_thread(lint, exposed)
        assert (linted.returncode, linted.stdout + linted.stderr) == (0, b"")
        for name in set(PROMISED) - ELSEWHERE:
            expression = (
                f"pullproof_{name}_count"
                if name.endswith("_seconds") and "timestamp" not in name
                else f"pullproof_{name}"
            )
            assert await ask(client, expression), name
        assert (
            float(
                (await ask(client, f'pullproof_registry_rate_limit_remaining{{registry="{here.registry}"}}'))[0][
                    "value"
                ][1]
            )
            <= 90
        )
        assert await ask(client, "max by (registry) (pullproof_registry_circuit_open) == 1")

        board = json.loads((CHART / "dashboard.json").read_text())
        shown = 0
        for panel in board["panels"]:
            for target in panel.get("targets", ()):
                expression = target["expr"].replace("$__rate_interval", "30s").replace("$registry", ".*")
                shown += bool(await ask(client, expression))
        assert shown > 15
        groups = (await client.get("/rules")).json()["data"]["groups"]
        rules = [rule for group in groups for rule in group["rules"]]
        assert len(rules) == len(yaml.safe_load((CHART / "rules.yaml").read_text())["groups"][0]["rules"])
        assert {(rule["health"], rule.get("lastError", "")) for rule in rules} == {("ok", "")}
