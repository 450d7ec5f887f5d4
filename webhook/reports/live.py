"""What a live pod adds to the explanation of its image (pure).

What the node has said is the truth of its last try, what was found out here is the truth of now:

| found out here | the node's message | the cause |
|---|---|---|
| a failure, or the same as the message says | any but the next | what was found out here, made certain by the message |
| a failure | the node did not get as far: network, rate limit | the message, and what stands behind it |
| that a login is wanted | that it is not there: the node has a login | what the message means |
| nothing, hygiene, or not enough | understood | what the message means |
| anything else | none, or not understood | what was found out here |
| nothing | it waits for the image, and says nothing that is understood | not known: its events have to tell |

What to do about what only the node says is told by `advice`, in the words of the registry.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from webhook.image.reference import InvalidReference, Reference
from webhook.policy.evidence import NodeFacts
from webhook.policy.finding import Certainty, Code, Finding, FindingClass
from webhook.registry.resolution import Resolution, Resolved, Unresolved
from webhook.reports.advice import advice
from webhook.reports.escape import clean, cut
from webhook.reports.explanation import ABOUT_HERE, WOULD_SAY, Explanation
from webhook.reports.kubelet import Meaning, translate
from webhook.reports.rulebook import rulebook
from webhook.reports.ways import State, Step
from webhook.workload.sighting import PULL_TROUBLE, SeenPod, Sighting
from webhook.workload.workload import ContainerImage, PullPolicy

_LONGEST = 600
_NO_SECRET: Final = "FailedToRetrieveImagePullSecret"
_GUESSED: Final = frozenset({WOULD_SAY, ABOUT_HERE})
"""Steps that stand for a kubelet whose own words are not known."""

_TELLING: Final = frozenset({"Failed", "BackOff", "InspectFailed", "ErrImageNeverPull", _NO_SECRET})
_LOGIN: Final = frozenset(
    {Code.UNAUTHORIZED, Code.FORBIDDEN, Code.NO_PULL_SECRET, Code.DENIED_OR_MISSING, Code.PULL_SECRET_MISSING}
)
_BEHIND_THE_LOGIN: Final = frozenset({Code.IMAGE_NOT_FOUND, Code.PLATFORM_MISMATCH, Code.BROKEN_IMAGE})
"""What a registry only tells those who may read."""

_PLATFORM: Final = frozenset({Code.PLATFORM_MISMATCH, Code.PLATFORM_PARTIAL, Code.WRONG_ARCHITECTURE})
_BEFORE_ANY_ANSWER: Final = frozenset({Code.REGISTRY_UNREACHABLE, Code.RATE_LIMITED})
_NETWORK: Final = frozenset({Code.REGISTRY_UNREACHABLE, Code.NOT_A_REGISTRY, Code.REGISTRY_ERROR})


def with_sighting(told: Explanation, image: ContainerImage, sighting: Sighting, facts: NodeFacts | None) -> Explanation:
    """Return the explanation with what was seen of the object.

    `facts`: of the pod's node, as far as it is known; None for an image that no node could have.
    """
    messages = tuple(_messages(image, sighting.pod))
    meaning = next((found for message in messages if (found := translate(message))), None)
    steps = (
        _object(sighting),
        *_kubelet(image, sighting.pod, messages, meaning),
        *(_node(told, image, sighting, facts) if facts is not None else ()),
        *(step for step in told.steps if not (messages and step.name in _GUESSED)),
        _policies(),
    )
    return replace(told, steps=steps, cause=_cause(told, meaning, sighting, image))


def _object(sighting: Sighting) -> Step:
    pod, lines = sighting.pod, []
    if pod is None:
        lines.append("it has no pods" if not sighting.unread else "its pods are not known")
    elif pod.node:
        lines.append(f"{pod.workload.name} on node {pod.node}")
    else:
        lines.append(f"{pod.workload.name} is on no node, so nothing is pulled yet: {pod.unscheduled}")
    if sighting.pods > 1:
        lines.append(f"one of {sighting.pods} pods, {sighting.stuck} of which wait for an image")
    lines += [f"could not be read: {each}" for each in sighting.unread]
    state = State.UNSURE if sighting.unread else State.NOTE
    return Step("pod", state, tuple(clean(cut(line, _LONGEST)) for line in lines))


def _messages(image: ContainerImage, pod: SeenPod | None) -> Iterator[str]:
    """Yield what the kubelet says of this image, the newest and most precise first, each once."""
    if pod is None:
        return
    seen = pod.containers.get(image.name)
    if seen is not None and seen.running:
        return
    said = [each for each in reversed(pod.said) if each.reason in _TELLING and each.container in ("", image.name)]
    ours = [each.message for each in said if each.container or each.reason == _NO_SECRET]
    failed = [message for message in ours if message.startswith("Failed to ")]
    state = [seen.message] if seen is not None and seen.waiting in PULL_TROUBLE and seen.message else []
    others = [message for message in ours if message not in failed and not message.startswith("Error: ")]
    told: list[str] = []
    for message in [*failed, *state, *others]:
        if not any(message in each for each in told):
            told.append(message)
    yield from told


def _kubelet(
    image: ContainerImage, pod: SeenPod | None, messages: tuple[str, ...], meaning: Meaning | None
) -> Iterator[Step]:
    seen = pod.containers.get(image.name) if pod else None
    if seen is not None and seen.running:
        yield Step("kubelet", State.GOOD, ("runs: its node has the image; what follows is of the next pull",))
        return
    if seen is not None and seen.waiting:
        bad = seen.waiting in PULL_TROUBLE
        yield Step("kubelet", State.BAD if bad else State.NOTE, (clean(f"waits: {seen.waiting}"),))
    for message in messages[:3]:
        yield Step("kubelet", State.BAD, (clean(cut(message, _LONGEST)),))
    if meaning is not None:
        yield Step("which means", State.BAD, (f"{meaning.text} [{meaning.code}]",))


def _node(told: Explanation, image: ContainerImage, sighting: Sighting, facts: NodeFacts) -> Iterator[Step]:
    pod = sighting.pod
    if pod is None or not pod.node:
        return
    if not facts.known or not facts.eligible:
        yield Step("node", State.UNSURE, (f"nothing is known of node {clean(pod.node)}: it could not be read",))
        return
    platforms = ", ".join(sorted(map(str, facts.platforms)))
    runtimes = ", ".join(sorted(facts.runtimes))
    lines = [f"{pod.node} is {platforms}, with {runtimes}"]
    if told.image.platforms:
        unfit = any(each.code in _PLATFORM for each in told.image.findings)
        lines.append(f"the image is built for {', '.join(told.image.platforms)}{', not for it' if unfit else ''}")
    if not facts.holding:
        lines.append("it does not list the image (a node lists 50 at most, and late)")
    elif image.pull_policy is PullPolicy.ALWAYS:
        lines.append("it has the image, but imagePullPolicy Always asks the registry all the same")
    elif facts.rechecks_credentials:
        lines.append("it has the image; a kubelet from 1.35 on still asks where another pod's login pulled it")
    else:
        lines.append("it has the image, so it does not ask the registry")
    yield Step("node", State.NOTE, tuple(map(clean, lines)))


def _policies() -> Step:
    text = "none can be the reason: a node pulls images itself, and a NetworkPolicy rules only what pods send"
    return Step("NetworkPolicy", State.NOTE, (text,))


def _cause(told: Explanation, meaning: Meaning | None, sighting: Sighting, image: ContainerImage) -> Finding | None:
    ours = told.cause
    if meaning is None:
        return ours or _silent(sighting, image)
    if ours is not None and _explains(ours, meaning, told):
        # what is only a doubt from here has happened there
        return replace(ours, cls=FindingClass.FAIL, certainty=Certainty.CERTAIN, doubt="")
    behind = (
        f"; and once that is mended: {ours.message} [{ours.code}]" if ours and ours.cls is FindingClass.FAIL else ""
    )
    return Finding(
        code=meaning.code,
        cls=FindingClass.FAIL,
        certainty=Certainty.CERTAIN,
        message=f"its node says so: {meaning.text}{behind}",
        brief="",
        fix=_fix(told, meaning, sighting, image),
    )


def _silent(sighting: Sighting, image: ContainerImage) -> Finding | None:
    """Return what to say where a node waits for an image and nobody knows why."""
    pod = sighting.pod
    seen = pod.containers.get(image.name) if pod else None
    if pod is None or seen is None or seen.waiting not in PULL_TROUBLE:
        return None
    return Finding(
        code=Code.NOT_VERIFIED,
        cls=FindingClass.ERROR,
        message=clean(f"it can be pulled from here; its node waits ({seen.waiting}) and does not say why"),
        brief="",
        fix=clean(f"kubectl describe pod {pod.workload.name} -n {pod.workload.namespace}"),
    )


def _explains(ours: Finding, meaning: Meaning, told: Explanation) -> bool:
    """Tell whether our own finding says why the node failed."""
    if ours.code is Code.PULL_SECRET_MISSING:
        return told.image.resolved is None
    if ours.code in _LOGIN and meaning.code in _BEHIND_THE_LOGIN:
        return False
    if ours.code is meaning.code:
        return True
    if ours.cls is FindingClass.FAIL:
        return meaning.code not in _BEFORE_ANY_ANSWER
    return ours.code is Code.CLUSTER_DNS_NAME and meaning.code in _NETWORK


def _answers(resolution: Resolution | None) -> bool:
    """Tell whether the registry has said something of the image to us."""
    return isinstance(resolution, Resolved) or (isinstance(resolution, Unresolved) and not resolution.inconclusive)


def _fix(told: Explanation, meaning: Meaning, sighting: Sighting, image: ContainerImage) -> str:
    """Return what to do about what the node says, in the light of what was found out here."""
    pod = sighting.pod
    if _answers(told.image.resolution) and pod is not None and meaning.code in _NETWORK:
        where = f"DNS, proxy and firewall of node {pod.node}"
        text = cut(clean(image.image), _LONGEST)
        return clean(f"the registry answers from here: look at {where}; try there: crictl pull {text}")
    if told.image.resolved is not None and pod is not None and meaning.code in {*_LOGIN, Code.IMAGE_NOT_FOUND}:
        again = f"kubectl delete pod {pod.workload.name} -n {pod.workload.namespace}"
        return clean(f"it can be pulled by now; the kubelet tries again within 5 minutes, or: {again}")
    page = next(rule.page.fix for rule in rulebook() if rule.code is meaning.code)
    workload = pod.workload if pod is not None else sighting.workload
    try:
        return advice(meaning.code, Reference.parse(image.image), workload, told.secrets) or page
    except InvalidReference:
        return page
