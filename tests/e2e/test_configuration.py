"""Edits of the ConfigMap: in force in every replica within seconds, or refused with a word."""

import json

import pytest
from installation import SYSTEM, until
from workloads import WARNED, WRONG, deployment

SECONDS = 5


@pytest.fixture
def configuration(kubectl, pullproof):
    """Edit the configuration; the text that the chart gave it is put back at the end."""

    def read():
        return json.loads(kubectl("get", "configmap", "pullproof", "-n", SYSTEM, "-o", "json").stdout)["data"]

    def write(text):
        patch = json.dumps({"data": {"config.yaml": text}})
        done = kubectl("patch", "configmap", "pullproof", "-n", SYSTEM, "--type=merge", "-p", patch)
        assert done.returncode == 0, done.stderr

    text = read()["config.yaml"]
    yield lambda more: write(f"{text}\n{more}\n")
    write(text)
    until("the configuration of the chart", lambda: notes(kubectl, pullproof) == [""] * 2)


def notes(kubectl, chart):
    """What each replica says of its configuration in /readyz?verbose."""
    found = []
    for pod in chart.pods():
        name = pod["metadata"]["name"]
        path = f"/api/v1/namespaces/{SYSTEM}/pods/https:{name}:10250/proxy/readyz?verbose"
        lines = kubectl("get", "--raw", path).stdout.splitlines()
        found += [line.removeprefix("[+]configuration ok") for line in lines if "configuration" in line]
    return found


def loaded(kubectl, chart):
    """What each replica's metric says."""
    found = []
    for pod in chart.pods():
        name = pod["metadata"]["name"]
        text = kubectl("get", "--raw", f"/api/v1/namespaces/{SYSTEM}/pods/http:{name}:8080/proxy/metrics").stdout
        found += [line.split()[-1] for line in text.splitlines() if line.startswith("pullproof_config_last_reload")]
    return found


@pytest.fixture
def events(kubectl, pullproof):
    """New Events on the ConfigMap, of the replicas that are to stay: reason, note and replica."""

    def read():
        found = kubectl("get", "events.events.k8s.io", "-n", SYSTEM, "-o", "json").stdout
        about = [each for each in json.loads(found)["items"] if each["regarding"].get("kind") == "ConfigMap"]
        return {each["metadata"]["uid"]: each for each in about}

    before = read()

    def events():
        names = {pod["metadata"]["name"] for pod in pullproof.pods()}
        new = [each for uid, each in read().items() if uid not in before and each["reportingInstance"] in names]
        return sorted((each["reason"], each["note"], each["reportingInstance"]) for each in new)

    return events


def test_the_kill_switch(pullproof, kubectl, namespace, configuration, events):
    assert pullproof.denies()
    configuration("enforce: off")
    pods = sorted(pod["metadata"]["name"] for pod in pullproof.pods())
    wanted = [("ConfigurationReloaded", "the edit is in force", name) for name in pods]
    until("that every replica says so", lambda: events() == wanted, seconds=SECONDS)
    assert [pullproof.denies() for _ in range(6)] == [False] * 6
    assert kubectl("apply", "-n", namespace, "-f", "-", stdin=deployment(WRONG)).stderr == WARNED
    assert ("warn", "configuration", "enforce: off: nothing is denied anywhere") in pullproof.doctor()
    configuration("# enforced again")
    until("that it denies again", pullproof.denies, seconds=SECONDS)


def test_a_bad_edit_keeps_the_last_good_one(pullproof, kubectl, namespace, configuration, events):
    configuration("onUnknown: maybe")
    pods = sorted(pod["metadata"]["name"] for pod in pullproof.pods())
    until("that every replica says so", lambda: len(events()) == 2, seconds=SECONDS)
    line = json.loads(kubectl("get", "configmap", "pullproof", "-n", SYSTEM, "-o", "json").stdout)["data"][
        "config.yaml"
    ]
    number = line.splitlines().index("onUnknown: maybe") + 1
    why = f"ConfigMap pullproof:{number}: onUnknown: 'maybe' is not one of allow, deny"
    assert events() == [("ConfigurationRefused", f"kept the last good one: {why}", name) for name in pods]
    assert notes(kubectl, pullproof) == [f": the last change was refused, the one before is in force: {why}"] * 2
    assert loaded(kubectl, pullproof) == ["0.0"] * 2
    assert pullproof.ready() == 2
    (said,) = [line for line in pullproof.doctor() if line[:2] == ("fail", "configuration")]
    assert said[2].startswith("refused, the one before is in force: ")
    assert kubectl("apply", "-n", namespace, "-f", "-", stdin=deployment(WRONG)).returncode == 1
    configuration("# mended")
    until("that it is in force", lambda: loaded(kubectl, pullproof) == ["1.0"] * 2, seconds=SECONDS)
