"""Laws that hold for any evidence and any findings."""

from dataclasses import replace
from datetime import date

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from webhook.credentials.credential import Credential, Origin
from webhook.credentials.pullsecret import Entry, PullSecret, PullSecrets, SecretState
from webhook.image.manifest import Descriptor, Index, Manifest
from webhook.image.platform import Platform
from webhook.image.reference import Digest, InvalidReference, Reference
from webhook.policy.checks.catalogue import CHECKS
from webhook.policy.decision import Judged, Policy
from webhook.policy.evidence import ClusterFacts, Evidence, Mutator, NodeFacts, Runtime
from webhook.policy.exemption import Exemption
from webhook.policy.finding import Certainty, Code, Finding, FindingClass
from webhook.policy.level import Level, Mode
from webhook.policy.statements import Logins, Mutators, RuntimeStatement, Statements
from webhook.policy.wording import one_line
from webhook.registry.resolution import Absent, Attempt, Failure, Quota, Resolution, Resolved, Step, Unresolved
from webhook.settings.policy import policy_of
from webhook.settings.schema import Settings
from webhook.workload.workload import ContainerImage, PullPolicy, Role, Subject, Workload

ALL_ON = tuple(check.activate(check.options()) for check in CHECKS)
PULL_CODES = {check.code for check in CHECKS if check.cls in (FindingClass.FAIL, FindingClass.ERROR)}

words = st.text(max_size=12)
images = st.sampled_from(
    ["", "auto", "nginx", "nginx:latest", "ghcr.io/acme/api:1", "gcr.io/a/b", "reg.svc:5000/a", "localhost/a", "A/B"]
) | st.text(max_size=30)
digests = st.sampled_from([Digest("sha256:" + letter * 64) for letter in "ab"])
platforms = st.builds(
    Platform,
    os=st.sampled_from(["linux", "windows", "unknown", ""]),
    architecture=st.sampled_from(["amd64", "arm64", "arm", "386", "unknown", "s390x"]),
    variant=st.sampled_from(["", "v5", "v7", "v8", "x"]),
    os_version=st.sampled_from(["", "10.0.17763.1", "x.y"]),
    os_features=st.sampled_from([(), ("win32k",)]),
)
credentials = st.builds(Credential, username=words, secret=words, source=words, origin=st.sampled_from(list(Origin)))
secrets = st.builds(
    PullSecret,
    name=words,
    state=st.sampled_from(list(SecretState)),
    reason=words,
    entries=st.lists(st.builds(Entry, host=words, key=words, credential=credentials), max_size=2).map(tuple),
)
pull_secrets = st.builds(
    PullSecrets,
    secrets=st.lists(secrets, max_size=3).map(tuple),
    account=st.none() | words,
    account_missing=st.booleans(),
    account_unreadable=words,
)
attempts = st.lists(
    st.builds(
        Attempt,
        endpoint=words,
        credential=words,
        step=st.sampled_from(list(Step)),
        method=st.just("HEAD"),
        status=st.none() | st.integers(100, 599),
        failure=st.none() | st.sampled_from(list(Failure)),
        detail=words,
    ),
    max_size=4,
).map(tuple)
quotas = st.none() | st.builds(
    Quota, limit=st.integers(0, 200), remaining=st.integers(-1, 200), window=st.integers(0, 90_000)
)
types = st.sampled_from(
    [
        "",
        "text/plain",
        "application/vnd.oci.image.index.v1+json",
        "application/vnd.oci.image.manifest.v1+json",
        "application/vnd.oci.image.config.v1+json",
        "application/vnd.cncf.helm.config.v1+json",
    ]
)
descriptors = st.builds(Descriptor, media_type=types, digest=digests, size=st.just(1), platform=st.none() | platforms)
manifests = st.builds(
    Manifest,
    media_type=types,
    config=descriptors,
    layers=st.lists(descriptors, max_size=2).map(tuple),
    artifact_type=types,
    platform=st.none() | platforms,
)
indexes = st.recursive(
    st.builds(Index, media_type=types, manifests=st.lists(descriptors, max_size=3).map(tuple)),
    lambda inner: st.builds(
        Index,
        media_type=types,
        manifests=st.lists(descriptors, max_size=3).map(tuple),
        nested=st.lists(st.tuples(digests, inner), max_size=2).map(tuple),
    ),
    max_leaves=3,
)
REFERENCE = Reference.parse("reg.example/app:1")
resolutions: st.SearchStrategy[Resolution | None] = (
    st.none()
    | st.builds(
        Resolved,
        reference=st.just(REFERENCE),
        digest=digests,
        media_type=types,
        content=st.none() | manifests | indexes,
        quota=quotas,
        attempts=attempts,
    )
    | st.builds(
        Unresolved,
        reference=st.just(REFERENCE),
        failure=st.sampled_from(list(Failure)),
        message=words,
        absent=st.sampled_from(list(Absent)),
        nearest_tags=st.lists(words, max_size=3).map(tuple),
        confirmed=st.booleans(),
        retry_after=st.none() | st.floats(0, 1e6),
        quota=quotas,
        attempts=attempts,
    )
)
containers = st.builds(
    ContainerImage,
    role=st.sampled_from(list(Role)),
    name=words,
    image=images,
    pull_policy=st.sampled_from(list(PullPolicy)),
    field=words,
    judged=st.booleans(),
)
workloads = st.builds(
    Workload,
    kind=words,
    namespace=words,
    name=words,
    template=st.booleans(),
    subject=st.sampled_from(list(Subject)),
    annotations=st.dictionaries(st.sampled_from([f"ignore.pullproof.dev/{code}" for code in Code]) | words, words),
    skip=st.none() | words,
    platforms=st.lists(platforms, max_size=2).map(tuple),
    partial=st.booleans(),
)
nodes = st.builds(
    NodeFacts,
    known=st.booleans(),
    eligible=st.integers(0, 3),
    platforms=st.frozensets(platforms, max_size=3),
    holding=st.integers(0, 3),
    runtimes=st.frozensets(st.sampled_from(list(Runtime))),
    rechecks_credentials=st.booleans(),
    cut=st.booleans(),
    listed=st.booleans(),
    mirrors=words,
)
clusters = st.builds(
    ClusterFacts,
    node_logins=words,
    cloud_login=st.booleans(),
    mirrors=words,
    mutators=st.lists(st.builds(Mutator, title=words, names=st.lists(words, max_size=2).map(tuple)), max_size=2).map(
        tuple
    ),
    contradicted=st.frozensets(st.sampled_from([code.value for code in Code]), max_size=3),
    ran_before=st.booleans(),
    ran_here=st.booleans(),
)
statements = st.builds(
    Statements,
    logins=st.sampled_from(list(Logins)) | st.lists(words, max_size=2).map(tuple),
    mutators=st.sampled_from(list(Mutators)),
    harmless_mutators=st.lists(words, max_size=2).map(tuple),
    runtime=st.sampled_from(list(RuntimeStatement)),
    mirrors_declared=st.booleans(),
    placeholders=st.lists(words, max_size=1).map(tuple),
    platforms=st.frozensets(platforms, max_size=1),
)


@st.composite
def evidences(draw: st.DrawFn) -> Evidence:
    image = draw(containers)
    try:
        reference, invalid = Reference.parse(image.image), ""
    except InvalidReference as error:
        reference, invalid = None, str(error)
    return Evidence(
        image=image,
        workload=draw(workloads),
        reference=reference,
        invalid=invalid,
        pull_secrets=draw(pull_secrets),
        candidates=tuple(draw(st.lists(credentials, max_size=3))),
        provider_failed=draw(words),
        resolution=draw(resolutions) if reference is not None else None,
        unasked=draw(words),
        nodes=draw(nodes),
        cluster=draw(clusters),
        tag_digest=draw(st.none() | digests),
    )


findings = st.builds(
    Finding,
    code=st.sampled_from(list(Code)),
    cls=st.sampled_from(list(FindingClass)),
    message=words,
    brief=words,
    fix=words,
    certainty=st.none() | st.sampled_from(list(Certainty)),
)
verdicts = st.lists(
    st.builds(
        Judged,
        image=containers,
        findings=st.lists(findings, max_size=4).map(tuple),
        resolution=resolutions,
        skip=st.none() | words,
    ),
    max_size=3,
).map(tuple)
globs = st.lists(st.sampled_from(["*", "a*", "[", "[a-", "?"]) | words, max_size=2).map(tuple)
exemptions = st.builds(
    Exemption,
    reason=words,
    namespaces=globs,
    usernames=globs,
    images=globs,
    workloads=globs,
    checks=st.frozensets(st.sampled_from(list(Code)), max_size=2),
    expires=st.none() | st.dates(),
)
levels = st.dictionaries(st.sampled_from(list(Mode)), st.sampled_from(list(Level)))
policies = st.builds(
    Policy,
    checks=st.just(ALL_ON),
    levels=levels,
    check_levels=st.dictionaries(st.sampled_from(list(Code)), st.sampled_from(list(Level)), max_size=3),
    enforcing=st.booleans(),
    enforce_on=st.frozensets(st.sampled_from(list(Subject))),
    unknown_denies=st.booleans(),
    ignores_deny=st.booleans(),
    exemptions=st.lists(exemptions, max_size=2).map(tuple),
    break_glass_users=st.frozensets(words, max_size=1),
    statements=statements,
    today=st.dates().map(lambda day: lambda: day),
)
labels = st.dictionaries(
    st.sampled_from([f"pullproof.dev/{mode}" for mode in Mode]) | words,
    st.sampled_from([level.value for level in Level]) | words,
    max_size=3,
)


@given(evidences(), policies)
def test_judging_is_total_and_names_one_cause(found: Evidence, policy: Policy) -> None:
    judged = policy.judge(found)
    assert sum(finding.code in PULL_CODES for finding in judged.findings) <= 1
    assert [finding.code for finding in judged.findings] == sorted(
        (finding.code for finding in judged.findings), key=list(Code).index
    )
    assert judged.outcome is not None


@given(evidences(), policies)
def test_findings_are_fit_to_print(found: Evidence, policy: Policy) -> None:
    for finding in policy.judge(found).findings:
        for text in (finding.message, finding.brief, finding.fix, finding.doubt):
            assert text.isprintable()
        assert finding.message
        assert finding.fix
        assert finding.brief.startswith((" ", ": "))
        assert len(finding.brief) <= 400
        assert (finding.certainty is not None) == (finding.cls is FindingClass.FAIL)
        assert bool(finding.doubt) == (finding.certainty is Certainty.LIKELY)


@given(policies, workloads, verdicts, labels, words)
def test_deciding_is_total(
    policy: Policy, workload: Workload, judged: tuple[Judged, ...], stated: dict[str, str], user: str
) -> None:
    verdict = policy.decide(workload, judged, labels=stated, user=user)
    assert verdict.allowed is not bool(verdict.denied)
    assert set(verdict.levels) == set(Mode)
    assert len(verdict.judged) == len(judged)


@given(workloads, verdicts, labels, words)
def test_by_default_only_certain_failures_and_tag_policies_deny(
    workload: Workload, judged: tuple[Judged, ...], stated: dict[str, str], user: str
) -> None:
    verdict = policy_of(Settings(), today=lambda: date(2026, 11, 23)).decide(workload, judged, stated, user)
    strict = stated.get("pullproof.dev/enforce") == "strict"
    tags = {Code.LATEST_TAG, Code.UNPINNED_DIGEST, Code.TAG_MOVED}
    for each, finding in verdict.denied:
        assert finding.certain or (strict and finding.cls is FindingClass.WARN and finding.code in tags)
        assert each.image.judged
        assert each.image.role is not Role.EPHEMERAL_CONTAINER
        assert workload.subject is not Subject.OWNED_PODS
        assert workload.skip is None


@given(policies, workloads, verdicts, labels, words)
def test_the_kill_switch_denies_nothing(
    policy: Policy, workload: Workload, judged: tuple[Judged, ...], stated: dict[str, str], user: str
) -> None:
    assert replace(policy, enforcing=False).decide(workload, judged, stated, user).allowed


@given(evidences(), statements)
@settings(max_examples=200)
def test_an_open_question_is_never_certain(found: Evidence, stated: Statements) -> None:
    """No inconclusive answer, missing Secret or login that only nodes hold ends in something that denies."""
    policy = Policy(checks=ALL_ON, statements=stated)
    certain = {finding.code for finding in policy.judge(found).findings if finding.certain}
    told = found.resolution
    about_answers = certain - {Code.INVALID_REFERENCE, Code.PULL_SECRET_MALFORMED}
    if isinstance(told, Unresolved) and told.inconclusive:
        assert not about_answers
    if found.pull_secrets.account_missing or found.pull_secrets.in_state(SecretState.MISSING):
        assert not about_answers & {Code.IMAGE_NOT_FOUND, Code.DENIED_OR_MISSING, Code.UNAUTHORIZED, Code.FORBIDDEN}
    if isinstance(told, Unresolved) and not told.confirmed:
        assert Code.IMAGE_NOT_FOUND not in certain
    if found.image.pull_policy is PullPolicy.NEVER:
        assert not certain - {Code.INVALID_REFERENCE}
    if found.workload.partial:
        assert not certain - {Code.INVALID_REFERENCE}


@given(evidences(), policies)
def test_checks_agree_on_the_cause_by_themselves(found: Evidence, policy: Policy) -> None:
    """Asked one by one, without the policy's choice by cause, the checks find the same."""
    assume(not policy.placeholder(found.image.image))
    known = policy.statements.complete(found)
    alone = [finding for check in ALL_ON if (finding := check.find(known)) is not None]
    assert [one_line(finding) for finding in alone] == list(policy.judge(found).findings)
