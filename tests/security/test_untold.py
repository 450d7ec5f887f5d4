"""A denial at a door for what it was not told: `/imagereview` and `/externaldata` see images, and little else.

Whoever can have a door denied what would run stops other people's deployments. So what was not told counts as if it
spoke for the pod: a pull policy of Never, an image that a node has, an exemption of its user, a controller it is of.
"""

import pytest

DOORS = {
    "server": {"drain": "0s", "imageReview": {"enabled": True}, "externalData": {"enabled": True}},
    "nodes": {"logins": "none", "podMutators": "none"},
    "enforceOn": ["workloads", "pods", "ownedPods"],
}


async def denied(here, image):
    """Ask both doors, and tell which of them deny."""
    review = {"apiVersion": "imagepolicy.k8s.io/v1alpha1", "kind": "ImageReview"}
    review["spec"] = {"containers": [{"image": image}], "namespace": "shop"}
    asked = {"apiVersion": "externaldata.gatekeeper.sh/v1beta1", "kind": "ProviderRequest"}
    asked["request"] = {"keys": [image]}
    status = (await here.client.post(f"{here.url}/imagereview", json=review)).json()["status"]
    (item,) = (await here.client.post(f"{here.url}/externaldata", json=asked)).json()["response"]["items"]
    return [
        door for door, denies in (("imagereview", not status["allowed"]), ("externaldata", "error" in item)) if denies
    ]


async def test_an_absent_image_that_a_node_may_have(scene, absent):
    """The registry says 404 for certain, and `/validate`, which sees the pull policy, denies."""
    here = await scene(config=DOORS)
    here.stranger.script = lambda seen: absent
    image = f"{here.registry}/x/y:1"
    assert not (await here.apply(image)).allowed
    assert await denied(here, image) == []


@pytest.mark.parametrize(
    ("exemption", "denying"),
    [
        ({"usernames": ["ci"]}, []),
        ({"workloads": ["Deployment/web"]}, []),
        ({"usernames": ["ci"], "checks": ["latest-tag"]}, ["imagereview", "externaldata"]),
    ],
    ids=["user", "workload", "another check"],
)
async def test_an_exemption_for_who_was_not_told(scene, exemption, denying):
    """What is denied else: a text that no node takes."""
    here = await scene(config={**DOORS, "exemptions": [{**exemption, "reason": "theirs"}]})
    assert await denied(here, "a//b") == denying


async def test_a_pod_that_a_controller_may_have_made(scene):
    """By default those are warned about, so that no outage stops a rescheduling; an ImageReview does not tell of it."""
    here = await scene(config={**DOORS, "enforceOn": ["workloads", "pods"]})
    assert "imagereview" not in await denied(here, "a//b")
