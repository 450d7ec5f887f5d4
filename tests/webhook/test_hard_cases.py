"""Where a node and a quick judge would differ, end to end: what must be denied still is, and nothing that would run."""

from webhook.demo.images import ImageSpec
from webhook.demo.site import Repository, Site

PUBLIC = Repository(name="acme/app", tags={"1.0": ImageSpec()})
OPEN = Site(hosts=("reg.test",), repositories=(PUBLIC,))
ABSENT = "sha256:" + "0" * 64


def pod(*images, secrets=(), policy="Always", **spec):
    containers = [{"name": f"c{n}", "image": image, "imagePullPolicy": policy} for n, image in enumerate(images)]
    return {"containers": containers, "imagePullSecrets": [{"name": name} for name in secrets], **spec}


async def test_an_absent_digest_is_absent(scene):
    """containerd looks for a digest among the blobs too; that it is not there either is no broken image."""
    here = await scene(OPEN)
    answer = await here.apply(pod(f"{here.registry}/acme/app@{ABSENT}"))
    assert not answer.allowed
    assert "[image-not-found]" in answer.message
