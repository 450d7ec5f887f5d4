"""Settings become a policy."""

from dataclasses import replace
from datetime import date
from ipaddress import ip_address

from webhook.image.platform import Platform
from webhook.policy.decision import Policy
from webhook.policy.evidence import NodeFacts
from webhook.policy.exemption import Exemption
from webhook.policy.finding import Code
from webhook.policy.level import DEFAULT_LEVELS, Level, Mode
from webhook.policy.statements import Logins, Mutators, RuntimeStatement, Statements
from webhook.settings.checktable import CheckTable
from webhook.settings.decoding import decode
from webhook.settings.policy import policy_of, statements_of
from webhook.settings.schema import Settings
from webhook.workload.workload import Subject, Workload

OFF_BY_DEFAULT = {Code.UNPINNED_DIGEST, Code.TAG_MOVED}


def test_defaults_are_those_of_a_policy() -> None:
    policy = policy_of(Settings())
    assert replace(policy, checks=()) == Policy()
    assert [check.code for check in policy.checks] == [code for code in Code if code not in OFF_BY_DEFAULT]
    assert policy.levels == DEFAULT_LEVELS


def test_everything_arrives() -> None:
    policy = policy_of(
        decode(
            "enforce: off\n"
            "defaults: {enforce: strict, warn: baseline, audit: off}\n"
            "enforceOn: [ownedPods]\n"
            "onUnknown: deny\n"
            "checks: {latest-tag: {level: baseline}, tag-moved: {level: strict}, forbidden: {level: off}}\n"
            "exemptions: [{reason: r, namespaces: [n], usernames: [u], images: [i], workloads: [w],"
            " checks: [forbidden], expires: 2027-01-31}]\n"
            "ignoreAnnotations: {enforce: true}\n"
            "breakGlass: {users: [jane]}\n"
        )
    )
    assert policy.enforcing is False
    assert policy.levels == {Mode.ENFORCE: Level.STRICT, Mode.WARN: Level.BASELINE, Mode.AUDIT: Level.OFF}
    assert policy.enforce_on == {Subject.OWNED_PODS}
    assert policy.unknown_denies
    assert policy.check_levels == {
        Code.LATEST_TAG: Level.BASELINE,
        Code.TAG_MOVED: Level.STRICT,
        Code.FORBIDDEN: Level.OFF,
    }
    assert {check.code for check in policy.checks} == {
        *Code,
    } - {Code.UNPINNED_DIGEST, Code.FORBIDDEN}
    assert policy.exemptions == (
        Exemption(
            reason="r",
            namespaces=("n",),
            usernames=("u",),
            images=("i",),
            workloads=("w",),
            checks=frozenset({Code.FORBIDDEN}),
            expires=date(2027, 1, 31),
        ),
    )
    assert policy.ignores_deny
    assert policy.break_glass_users == {"jane"}


def test_statements() -> None:
    assert statements_of(Settings()) == Statements()
    stated = statements_of(
        decode(
            "nodes: {logins: {registries: [a.example]}, podMutators: present, runtime: unknown, placeholders: [x],"
            " harmlessMutators: ['a.*'], mirrors: declared}\n"
            "checks: {platform-mismatch: {platforms: [linux/arm64]}}\n"
        )
    )
    assert stated == Statements(
        logins=("a.example",),
        mutators=Mutators.PRESENT,
        runtime=RuntimeStatement.UNKNOWN,
        harmless_mutators=("a.*",),
        mirrors_declared=True,
        placeholders=("x",),
        platforms=frozenset({Platform.parse("linux/arm64")}),
    )
    assert statements_of(decode("nodes: {logins: none}")).logins is Logins.NONE


def test_platforms_for_the_pipeline() -> None:
    policy = policy_of(decode("checks: {platform-mismatch: {platforms: [linux/arm64]}}"))
    workload = Workload(kind="Pod", namespace="shop", name="api")
    assert policy.platforms(workload, NodeFacts()) == {Platform.parse("linux/arm64")}


def test_a_table_of_checks_is_a_value() -> None:
    assert CheckTable() == Settings().checks
    assert hash(CheckTable()) == hash(Settings().checks)
    stated = decode("checks: {latest-tag: {level: off}}").checks
    assert stated != CheckTable()
    assert repr(CheckTable()) == "CheckTable({})"
    assert "latest-tag" in repr(stated)


def test_address_rules() -> None:
    rules = decode("network: {deny: [10.0.0.0/8], allow: [10.1.0.0/16, 169.254.1.1]}").network.rules()
    refused = {address for address in ADDRESSES if rules.refusal(ip_address(address))}
    assert refused == {"10.2.0.1", "169.254.169.254", "127.0.0.1"}
    assert Settings().network.rules(loopback=True).refusal(ip_address("127.0.0.1")) is None


ADDRESSES = ("10.1.0.1", "10.2.0.1", "192.168.0.1", "169.254.1.1", "169.254.169.254", "127.0.0.1")
