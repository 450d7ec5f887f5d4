"""A configuration that cannot be meant ends in one line that says where and what to do."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webhook.policy.checks.catalogue import CHECKS
from webhook.policy.checks.latest_tag import LatestTagOptions
from webhook.policy.finding import Code
from webhook.policy.level import Level
from webhook.settings.decoding import InvalidSettings, decode
from webhook.settings.schema import (
    CredentialSource,
    LoginRegistries,
    OnUnknown,
    Providers,
    Settings,
    SharedCache,
    Switch,
)
from webhook.workload.workload import Subject

WHOLE = """\
apiVersion: config.pullproof.dev/v1alpha1
kind: PullproofConfiguration
defaults: {enforce: baseline, warn: strict, audit: strict}
enforceOn: [workloads, pods]
checks:
  latest-tag: {level: strict, tags: [latest, stable, edge, 1.0]}
  platform-mismatch: {level: baseline, platforms: nodes}
  tag-moved: {level: off}
exemptions:
  - {namespaces: [ci-*], images: ["registry.k8s.io/pause:*"], checks: [latest-tag], reason: "ephemeral CI",
     expires: 2027-01-31}
registries:
  - match: docker.io
    mirrors: ["https://mirror.corp.example/v2/docker.io"]
    maxConcurrency: 4
  - {match: "reg.corp.example:5000", caFile: /etc/pullproof/ca/corp.crt, plainHTTP: false, insecureSkipVerify: false}
credentials:
  order: [podSecrets, providers, dockerConfig, anonymous]
  providers: {configFile: /etc/pullproof/credential-provider.yaml, binDir: /opt/credential-provider/bin}
nodes:
  logins: unknown
  podMutators: auto
  runtime: auto
  hostsDir: /etc/pullproof/certs.d
network: {timeout: 4s, connectTimeout: 1s, proxyFromEnvironment: true, deny: [169.254.0.0/16, 10.1.2.3], allow: []}
cache: {tags: 60s, notFound: 15s, refused: 30s, maxEntries: 20000}
"""


def test_the_whole() -> None:
    settings = decode(WHOLE, "c.yaml")
    assert settings.checks[Code.LATEST_TAG] == LatestTagOptions(
        level=Level.STRICT, tags=("latest", "stable", "edge", "1.0")
    )
    assert settings.checks[Code.TAG_MOVED].level is Level.OFF
    assert settings.exemptions[0].expires is not None
    assert settings.exemptions[0].expires.isoformat() == "2027-01-31"
    assert settings.registries[0].options().max_concurrency == 4
    assert settings.credentials.providers == Providers(
        config_file="/etc/pullproof/credential-provider.yaml", bin_dir="/opt/credential-provider/bin"
    )
    assert settings.credentials.order == tuple(CredentialSource)
    assert settings.network.timeout == 4.0
    assert settings.cache.tags == 60.0


@pytest.mark.parametrize("text", ["", "---\n", "# nothing\n", "{}", "null", "checks:\n", "registries: ~\ncache: {}\n"])
def test_nothing_stated_is_the_default(text: str) -> None:
    assert decode(text) == Settings()


def test_defaults_are_as_documented() -> None:
    settings = Settings()
    assert (settings.defaults.enforce, settings.defaults.warn, settings.defaults.audit) == (
        "baseline",
        "strict",
        "strict",
    )
    assert settings.enforce is Switch.ON
    assert settings.enforce_on == (Subject.WORKLOADS, Subject.PODS)
    assert settings.on_unknown is OnUnknown.ALLOW
    assert settings.nodes.logins == "unknown"
    assert (settings.network.timeout, settings.network.connect_timeout) == (4, 1)
    assert (settings.cache.tags, settings.cache.not_found, settings.cache.refused) == (60, 15, 30)
    assert settings.cache.max_entries == 20_000
    assert settings.cache.shared.enabled is False
    assert settings.server.port == 10250
    assert all(settings.checks[check.code] == check.options() for check in CHECKS)


@pytest.mark.parametrize(
    ("text", "enforce"),
    [("enforce: off", Switch.OFF), ("enforce: 'off'", Switch.OFF), ("enforce: on", Switch.ON), ("", Switch.ON)],
)
def test_the_kill_switch_needs_no_quotes(text: str, enforce: Switch) -> None:
    assert decode(text).enforce is enforce


def test_logins_of_registries() -> None:
    assert decode("nodes: {logins: none}").nodes.logins == "none"
    stated = decode("nodes: {logins: {registries: ['*.corp.example']}}").nodes.logins
    assert stated == LoginRegistries(registries=("*.corp.example",))


def test_anchors_are_read() -> None:
    settings = decode("enforceOn: &all [pods]\nbreakGlass: {users: *all}")
    assert settings.break_glass.users == ("pods",)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("onUnknwon: deny", "c:1: unknown key 'onUnknwon'; did you mean 'onUnknown'?", id="key"),
        pytest.param(
            "checks:\n  latest-tags: {}",
            "c:2: checks: unknown key 'latest-tags'; did you mean 'latest-tag'?",
            id="code",
        ),
        pytest.param(
            "checks:\n  latest-tag:\n    levl: strict",
            "c:3: checks.latest-tag: unknown key 'levl'; did you mean 'level'?",
            id="option",
        ),
        pytest.param(
            "checks:\n  latest-tag:\n    level: strct",
            "c:3: checks.latest-tag.level: 'strct' is not one of off, baseline, strict",
            id="level",
        ),
        pytest.param(
            "checks:\n  forbidden: {tags: []}",
            "c:2: checks.forbidden: unknown key 'tags'; known are level",
            id="an option of another check",
        ),
        pytest.param(
            "cache:\n  shared: {nope: 1}",
            "c:2: cache.shared: unknown key 'nope'; known are enabled, url, passwordFile, prefix, timeout",
            id="nothing near",
        ),
        pytest.param(
            "registries:\n- match: docker.io\n  mirors: []",
            "c:3: registries[0]: unknown key 'mirors'; did you mean 'mirrors'?",
            id="in a list",
        ),
        pytest.param("registries:\n- mirrors: []", "c:2: registries[0]: lacks the key `match`", id="key missing"),
        pytest.param(
            "registries:\n- match: a\n- match: b\n  maxConcurrency: many",
            "c:4: registries[1].maxConcurrency: expected a number, got a text (written: 'many')",
            id="number",
        ),
        pytest.param(
            "registries:\n- match: a\n  mirrors: ['ftp://x']", "c:3: registries[0]: ", id="a mirror that cannot be"
        ),
        pytest.param("registries: {match: x}", "c:1: registries: expected a list, got a mapping", id="no list"),
        pytest.param("[1]", "c:1: expected a mapping, got a list", id="no mapping"),
        pytest.param("server: 5", "c:1: server: expected a mapping, got a text (written: '5')", id="no section"),
        pytest.param("checks: [1]", "c:1: checks: expected a mapping, got a list", id="no checks"),
        pytest.param(
            "network: {proxyFromEnvironment: maybe}",
            "c:1: network.proxyFromEnvironment: expected true or false, got a text (written: 'maybe')",
            id="boolean",
        ),
        pytest.param(
            "network:\n  timeout: 4",
            "c:2: network.timeout: '4' is no length of time; write it like '500ms', '60s', '5m' or '1h30m'",
            id="duration",
        ),
        pytest.param(
            "network:\n  timeout: [4s]", "c:2: network.timeout: expected duration, got a list", id="duration in a list"
        ),
        pytest.param(
            "network: {timeout: 500ms}", "c:1: network: connectTimeout is to be more than 0 and no more than timeout"
        ),
        pytest.param(
            "network:\n  deny:\n  - 10.0.0.0/8\n  - 10.0.0.0/99",
            "c:4: network: '10.0.0.0/99' is not an address or network; write it like '10.0.0.0/8' or 'fd00::/8'",
            id="network",
        ),
        pytest.param(
            "enforceOn: [pod]", "c:1: enforceOn[0]: 'pod' is not one of workloads, pods, ownedPods", id="word"
        ),
        pytest.param("nodes: {logins: nonee}", "c:1: nodes.logins: 'nonee' is not one of none, unknown", id="logins"),
        pytest.param(
            "nodes:\n  logins:\n    registri: [x]",
            "c:3: nodes.logins: unknown key 'registri'; did you mean 'registries'?",
            id="logins of registries",
        ),
        pytest.param(
            "nodes:\n  logins: {registries: ['a b']}", "c:2: nodes.logins: 'a b' is no pattern of registries", id="glob"
        ),
        pytest.param(
            "exemptions:\n- reason: x", "c:2: exemptions[0]: exempts everything; give namespaces", id="exempts all"
        ),
        pytest.param("exemptions:\n- namespaces: [x]", "c:2: exemptions[0]: lacks the key `reason`", id="no reason"),
        pytest.param("exemptions:\n- {reason: '', namespaces: [x]}", "c:2: exemptions[0].reason: ", id="empty reason"),
        pytest.param(
            "exemptions:\n- reason: x\n  checks: [latest]",
            "c:3: exemptions[0].checks[0]: 'latest' is unknown; did you mean 'latest-tag'?",
            id="exempt code",
        ),
        pytest.param(
            "exemptions:\n- {reason: x, namespaces: [a], expires: soon}",
            "c:2: exemptions[0].expires: no date; write it like 2027-01-31 (written: 'soon')",
            id="date",
        ),
        pytest.param(
            "checks:\n  platform-mismatch:\n    platforms: [linux/amd64, li nux]",
            "c:3: checks.platform-mismatch: invalid platform 'li nux'",
            id="platform",
        ),
        pytest.param(
            "checks:\n  docker-hub-quota-low: {percent: 0}",
            "c:2: checks.docker-hub-quota-low.percent: expected a number >= 1 (written: '0')",
            id="range",
        ),
        pytest.param(
            "apiVersion: v1", "c:1: apiVersion: 'v1' is not one of config.pullproof.dev/v1alpha1", id="version"
        ),
        pytest.param("kind: ConfigMap", "c:1: kind: 'ConfigMap' is not one of PullproofConfiguration", id="kind"),
        pytest.param(
            "cache:\n  shared: {url: 'redis://:hunter2@h'}",
            "c:2: cache.shared: cache.shared.url holds a login; put the password into passwordFile",
            id="a password",
        ),
        pytest.param(
            "cache: {shared: {enabled: true}}", "c:1: cache.shared: cache.shared.url is to begin with", id="url"
        ),
        pytest.param("server: {certFile: a}", "c:1: server: server.certFile and server.keyFile go together", id="half"),
        pytest.param(
            "server: {port: 70000}", "c:1: server.port: expected a number <= 65535 (written: '70000')", id="port"
        ),
        pytest.param(
            "server: {port: 8080}", "c:1: server: server.port and server.metricsPort are to differ", id="ports"
        ),
        pytest.param("scan: {interval: 1s}", "c:1: scan: scan.interval is to be at least 1m", id="interval"),
        pytest.param(
            "budgets: {admission: 1s, headroom: 1s}", "c:1: budgets: budgets.headroom is to be less", id="head"
        ),
        pytest.param("budgets: {lookup: 0s}", "c:1: budgets: budgets.lookup is to be more than 0", id="lookup"),
        pytest.param(
            "credentials: {order: [anonymous, anonymous]}", "c:1: credentials: credentials.order names", id="order"
        ),
        pytest.param("a: 1\nb: 2\na: 3", "c:3: key 'a' is given twice; remove one", id="twice"),
        pytest.param("x: 1\n\ty: 2", "c:2: not YAML: ", id="tab"),
        pytest.param("a: [", "c:1: not YAML: ", id="open list"),
        pytest.param("kind: x\n---\nkind: y", "c:2: not YAML: ", id="two documents"),
        pytest.param("? [a]\n: b", "c:1: a key is not a text", id="key is a list"),
        pytest.param("a: \x00", "c: not YAML: ", id="control character"),
        pytest.param("a: " + "[" * 30_000, "c: not YAML: ", id="deep, open"),
        pytest.param("a: " + "[" * 50 + "]" * 50, "c:1: too many or too deeply nested values", id="deep"),
        pytest.param(
            "a: &a [1,1,1,1,1,1,1,1,1]\n"
            + "\n".join(f"{b}: &{b} [{', '.join(['*' + a] * 9)}]" for a, b in zip("abcdef", "bcdefg", strict=True)),
            "c:",
            id="alias bomb",
        ),
        pytest.param("#" * (1 << 21), "c: 2097152 characters are too many for a configuration", id="huge"),
    ],
)
def test_refused(text: str, message: str) -> None:
    with pytest.raises(InvalidSettings) as caught:
        decode(text, "c")
    said = str(caught.value)
    assert said.startswith(message)
    assert "\n" not in said
    assert "hunter2" not in said


def test_the_error_says_where() -> None:
    with pytest.raises(InvalidSettings) as caught:
        decode("\n\nnope: 1", "c.yaml")
    assert (caught.value.source, caught.value.line) == ("c.yaml", 3)


def test_a_shared_cache() -> None:
    shared = decode("cache: {shared: {enabled: true, url: 'rediss://cache:6380/1'}}").cache.shared
    assert shared == SharedCache(enabled=True, url="rediss://cache:6380/1")


KEYS = st.sampled_from(["checks", "latest-tag", "level", "registries", "match", "nodes", "logins", "expires", "x"])
LEAVES = (
    st.none() | st.sampled_from(["off", "strict", "4s", "docker.io", "2027-01-31", "-1", "", "~"]) | st.text(max_size=8)
)
TREES = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4), max_leaves=12
)


def refusal(text: str) -> str:
    """Return the message with which a text is refused, or "" """
    try:
        decode(text, "c")
    except InvalidSettings as error:
        return str(error)
    return ""


@given(TREES)
def test_any_tree_is_read_or_refused(tree: object) -> None:
    said = refusal(json.dumps(tree))
    assert not said or said.startswith("c:")
    assert "\n" not in said


@given(st.text(max_size=80))
def test_any_text_is_read_or_refused(text: str) -> None:
    said = refusal(text)
    assert not said or said.startswith("c:")


@pytest.mark.parametrize(
    "text",
    [
        "registries: [{match: reg.example, mirrors: ['https://us:S3cr3t@mirror.example/v2']}]",
        "registries: [{match: reg.example, mirrors: ['us:S3cr3t@mirror.example']}]",
        "registries: [{match: reg.example, mirrors: ['https://us:S3cr3t/with/a/slash@mirror.example']}]",
        f"registries: [{{match: reg.example, mirrors: ['https://us:S3cr3t{'x' * 60}@mirror.example']}}]",
        "cache: {shared: 'redis://:S3cr3t@redis:6379/0'}",
        f"cache: {{shared: 'redis://:S3cr3t{'x' * 60}@redis:6379/0'}}",
        "cache: {shared: {enabled: true, url: 'http://:S3cr3t@redis:6379/0'}}",
        "network: {allow: ['http://u:S3cr3t@proxy.example']}",
        "nodes: {logins: 'https://u:S3cr3t@proxy.example'}",
        "nodes: {runtime: 'https://u:S3cr3t@proxy.example'}",
    ],
)
def test_a_login_that_stands_where_none_should_is_not_repeated(text: str) -> None:
    """Whoever reads the log, or /readyz, need not be who wrote it."""
    with pytest.raises(InvalidSettings) as refused:
        decode(text)
    assert "S3cr3t" not in str(refused.value)
    assert "S3cr3t" not in refused.value.problem
