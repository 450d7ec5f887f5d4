"""Where the image may be on a node already: what the kubelet would do, and that nothing is denied that it would run.

| imagePullPolicy | on the node | rechecks (1.35+) | the kubelet |
|---|---|---|---|
| Always | - | - | asks the registry |
| IfNotPresent | no | - | asks the registry |
| IfNotPresent | yes | no | runs it, pull secrets are not even parsed |
| IfNotPresent | yes | yes | runs it if it was preloaded or pulled with these credentials, or else asks the registry |
| Never | yes | any | runs it, or refuses it where the credentials are not among those it was pulled with |
| Never | no | - | ErrImageNeverPull |

Source: kubernetes pkg/kubelet/images/image_manager.go (EnsureImageExists), KubeletEnsureSecretPulledImages.
"""

from collections.abc import Callable
from itertools import product
from typing import Any

import pytest

from webhook.credentials.pullsecret import SecretState
from webhook.policy.evidence import Evidence
from webhook.policy.finding import Certainty, Code, Finding
from webhook.registry.resolution import Failure
from webhook.settings.decoding import decode
from webhook.workload.workload import PullPolicy

Make = Callable[..., Evidence]
Find = Callable[..., Finding | None]

NO_LOGINS = decode("nodes: {logins: none}")
REGCRED = ("regcred", SecretState.USABLE, ("reg.example",), "", "pw")
FAILURES: dict[Code, dict[str, Any]] = {
    Code.PULL_SECRET_MALFORMED: {"secrets": [("regcred", SecretState.MALFORMED, (), "bad base64", "")]},
    Code.IMAGE_NOT_FOUND: {"failure": Failure.NOT_FOUND},
    Code.UNAUTHORIZED: {"failure": Failure.LOGIN_REFUSED, "secrets": [REGCRED]},
}
ALWAYS, ABSENT, NEVER = PullPolicy.ALWAYS, PullPolicy.IF_NOT_PRESENT, PullPolicy.NEVER
CERTAIN, LIKELY, NOTHING = Certainty.CERTAIN, Certainty.LIKELY, None


def nodes(eligible: int, holding: int, *, rechecks: bool = False) -> dict[str, Any]:
    return {"known": True, "eligible": eligible, "holding": holding, "rechecks_credentials": rechecks}


@pytest.mark.parametrize(
    ("policy", "known", "malformed", "refused"),
    [
        pytest.param(ALWAYS, {}, CERTAIN, CERTAIN, id="Always, nodes unknown"),
        pytest.param(ALWAYS, nodes(2, 2), CERTAIN, CERTAIN, id="Always, on all nodes"),
        pytest.param(ABSENT, {}, CERTAIN, CERTAIN, id="nodes unknown"),
        pytest.param(ABSENT, {"awaited": True}, LIKELY, LIKELY, id="nodes not read yet"),
        pytest.param(ABSENT, nodes(2, 0), CERTAIN, CERTAIN, id="on no node"),
        pytest.param(ABSENT, nodes(2, 0, rechecks=True), CERTAIN, CERTAIN, id="on no node, rechecked"),
        pytest.param(ABSENT, nodes(2, 1), LIKELY, LIKELY, id="on some"),
        pytest.param(ABSENT, nodes(2, 1, rechecks=True), LIKELY, LIKELY, id="on some, rechecked"),
        pytest.param(ABSENT, nodes(2, 2), NOTHING, LIKELY, id="on all"),
        pytest.param(ABSENT, nodes(2, 2, rechecks=True), LIKELY, LIKELY, id="on all, rechecked: it may be preloaded"),
        pytest.param(ABSENT, nodes(0, 0), CERTAIN, CERTAIN, id="no node is eligible now"),
        pytest.param(NEVER, nodes(2, 0), NOTHING, NOTHING, id="Never, on no node"),
        pytest.param(NEVER, nodes(2, 2, rechecks=True), NOTHING, NOTHING, id="Never, on all, rechecked"),
    ],
)
def test_presence(
    policy: PullPolicy,
    known: dict[str, Any],
    malformed: Certainty | None,
    refused: Certainty | None,
    evidence: Make,
    find: Find,
) -> None:
    for code, facts in FAILURES.items():
        finding = find(code, evidence(pull=policy, nodes=known, **facts), NO_LOGINS)
        expected = malformed if code is Code.PULL_SECRET_MALFORMED else refused
        assert (finding.certainty if finding else None) is expected, code


def may_run(policy: PullPolicy, present: bool) -> bool:
    """Tell whether a kubelet may run it though the registry or the keyring fails; rechecking, it still may."""
    return present and policy is not ALWAYS


@pytest.mark.parametrize("code", sorted(FAILURES))
def test_nothing_is_certain_that_a_node_may_run(code: Code, evidence: Make, find: Find) -> None:
    """Whatever nodes the pod may land on: if one of them may run it, no failure is certain."""
    kinds = list(product((True, False), repeat=2))  # present, rechecks
    for policy, first, second in product(PullPolicy, kinds, kinds):
        eligible = (first, second)
        facts = nodes(2, sum(present for present, _ in eligible), rechecks=any(rechecks for _, rechecks in eligible))
        finding = find(code, evidence(pull=policy, nodes=facts, **FAILURES[code]), NO_LOGINS)
        if any(may_run(policy, present) for present, _ in eligible):
            assert finding is None or not finding.certain


ID = "sha256:" + "c" * 64


@pytest.mark.parametrize("code", sorted(FAILURES))
@pytest.mark.parametrize(
    ("image", "policy", "certain"),
    [
        pytest.param(ID, ABSENT, False, id="an image's ID"),
        pytest.param("sha256:0f3a9c", ABSENT, False, id="the beginning of one"),
        pytest.param(ID, ALWAYS, True, id="Always asks docker.io for it"),
        pytest.param(f"docker.io/library/{ID}", ABSENT, True, id="a name, however like one"),
        pytest.param("sha256:v1", ABSENT, True, id="a tag"),
    ],
)
def test_an_id_is_looked_for_on_the_node_though_no_node_lists_ids(
    code: Code, image: str, policy: PullPolicy, certain: bool, evidence: Make, find: Find
) -> None:
    found = find(code, evidence(image, pull=policy, nodes=nodes(2, 0), **FAILURES[code]), NO_LOGINS)
    assert found is not None
    assert found.certain is certain
