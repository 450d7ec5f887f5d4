"""What becomes of pods that we predicted a failure for, on a real API server whose kubelet is this test."""

import asyncio
import json

import pytest

from webhook.cluster.following import Following
from webhook.policy.decision import Judged, Verdict
from webhook.policy.finding import Certainty, Code, Finding, FindingClass
from webhook.workload.workload import ContainerImage, PullPolicy, Role, Workload

MERGE = "application/merge-patch+json"
IMAGE = "docker.io/shop/api:9"


def verdict(namespace: str, name: str, uid: str, *, code=Code.IMAGE_NOT_FOUND, image=IMAGE, denied=False, **more):
    finding = Finding(code=code, cls=FindingClass.FAIL, message="m", brief="b", fix="f", certainty=Certainty.CERTAIN)
    one = ContainerImage(
        role=Role.CONTAINER, name="c", image=image, pull_policy=PullPolicy.ALWAYS, field="spec.containers[0].image"
    )
    judged = Judged(image=one, findings=(finding,))
    workload = Workload(kind="Pod", namespace=namespace, name=name, uid=uid, images=(one,), **more)
    return Verdict(workload=workload, judged=(judged,), denied=((judged, finding),) if denied else ())


class Told:
    def __init__(self) -> None:
        self.proofs: list[tuple[str, str, str]] = []

    async def __call__(self, *proof: str) -> None:
        self.proofs.append(proof)


@pytest.fixture
def pods(cluster, namespace):
    """A pod, and the status and events that its kubelet would write."""

    class Pods:
        folder = f"/api/v1/namespaces/{namespace}/pods"

        async def make(self, name: str = "api") -> str:
            body = {"metadata": {"name": name}, "spec": {"containers": [{"name": "c", "image": IMAGE}]}}
            return json.loads(await cluster.request("POST", self.folder, body=body))["metadata"]["uid"]

        async def waits(self, reason: str, name: str = "api") -> None:
            await self._status(name, {"waiting": {"reason": reason}}, "")

        async def runs(self, name: str = "api") -> None:
            await self._status(name, {"running": {}}, "sha256:abc")

        async def event(self, uid: str, reason: str, message: str, field: str = "spec.containers{c}") -> None:
            body = {
                "metadata": {"generateName": "api-"},
                "involvedObject": {
                    "kind": "Pod",
                    "namespace": namespace,
                    "name": "api",
                    "uid": uid,
                    "fieldPath": field,
                },
                "reason": reason,
                "message": message,
                "type": "Normal",
            }
            await cluster.request("POST", f"/api/v1/namespaces/{namespace}/events", body=body)

        async def _status(self, name: str, state: dict, image_id: str) -> None:
            container = {"name": "c", "image": IMAGE, "imageID": image_id, "state": state}
            container |= {"ready": False, "restartCount": 0}
            body = {"status": {"containerStatuses": [container]}}
            await cluster.request("PATCH", f"{self.folder}/{name}/status", body=body, content_type=MERGE)

    return Pods()


async def test_a_node_that_pulls_all_the_same_contradicts_us(cluster, pods, namespace) -> None:
    told, uid = Told(), await pods.make()
    following = Following(cluster, told)
    following.follow(verdict(namespace, "api", uid))
    await following.ask()
    await pods.waits("ContainerCreating")
    await following.ask()
    assert told.proofs == []
    await pods.event(uid, "Pulled", f'Successfully pulled image "{IMAGE}" in 2.1s (2.1s including waiting)')
    await pods.runs()
    await following.ask()
    assert told.proofs == [("docker.io", "image-not-found", f"pod {namespace}/api: its node pulled {IMAGE}")]
    await following.ask()
    assert len(told.proofs) == 1


async def test_an_image_that_was_there_contradicts_nothing(cluster, pods, namespace) -> None:
    told, uid = Told(), await pods.make()
    following = Following(cluster, told)
    following.follow(verdict(namespace, "api", uid))
    await pods.event(uid, "Pulled", f'Container image "{IMAGE}" already present on machine')
    await pods.runs()
    await following.ask()
    assert (told.proofs, following._open) == ([], {})


async def test_a_pull_that_failed_first_contradicts_nothing(cluster, pods, namespace) -> None:
    """The image was pushed after we had said that it is missing."""
    told, uid = Told(), await pods.make()
    following = Following(cluster, told)
    following.follow(verdict(namespace, "api", uid))
    await pods.event(uid, "Failed", f'Failed to pull image "{IMAGE}": not found')
    await pods.event(uid, "Pulled", f'Successfully pulled image "{IMAGE}" in 2.1s')
    await pods.runs()
    await following.ask()
    assert (told.proofs, following._open) == ([], {})


async def test_another_containers_pull_contradicts_nothing(cluster, pods, namespace) -> None:
    told, uid = Told(), await pods.make()
    following = Following(cluster, told)
    following.follow(verdict(namespace, "api", uid))
    await pods.event(uid, "Pulled", 'Successfully pulled image "other" in 1s', "spec.containers{other}")
    await pods.runs()
    await following.ask()
    assert told.proofs == []


@pytest.mark.parametrize("reason", ["ErrImagePull", "ImagePullBackOff", "InvalidImageName"])
async def test_a_failed_pull_ends_the_matter(cluster, pods, namespace, reason: str) -> None:
    told, uid = Told(), await pods.make()
    following = Following(cluster, told)
    following.follow(verdict(namespace, "api", uid))
    await pods.waits(reason)
    await following.ask()
    assert (told.proofs, following._open) == ([], {})


async def test_a_pod_that_is_gone_or_another_ends_the_matter(cluster, pods, namespace) -> None:
    told = Told()
    following = Following(cluster, told)
    await pods.make()
    following.follow(verdict(namespace, "api", "another-uid"))
    following.follow(verdict(namespace, "absent", "uid", code=Code.FORBIDDEN))
    await following.ask()
    assert (told.proofs, following._open) == ([], {})


async def test_patience_ends(cluster, pods, namespace) -> None:
    told, uid = Told(), await pods.make()
    following = Following(cluster, told, patience=0)
    following.follow(verdict(namespace, "api", uid))
    await following.ask()
    assert following._open == {}


async def test_only_admitted_pods_with_an_identity_are_followed(cluster, namespace) -> None:
    following = Following(cluster, Told())
    following.follow(verdict(namespace, "api", ""))
    following.follow(verdict(namespace, "", "u"))
    following.follow(verdict(namespace, "api", "u", template=True))
    following.follow(verdict(namespace, "api", "u", denied=True))
    following.follow(verdict(namespace, "api", "u", image="NOT AN IMAGE"))
    assert following._open == {}


async def test_few_are_followed_one_for_each_registry_and_code(cluster) -> None:
    following = Following(cluster, Told(), most=5)
    for number in range(50):
        following.follow(verdict("shop", f"p{number}", f"u{number}"))
        following.follow(verdict("shop", f"p{number}", f"u{number}", image=f"r{number}.example/x:1"))
    assert len(following._open) == 5


async def test_without_the_right_to_read_events_only_always_tells(namespace) -> None:
    from webhook.cluster.failure import Denied

    class NoEvents:
        async def request(self, method, path, **_):
            if path.endswith("/events"):
                raise Denied("may not list events")
            container = {"name": "c", "imageID": "sha256:abc"}
            return json.dumps({"metadata": {"uid": "u"}, "status": {"containerStatuses": [container]}}).encode()

    told = Told()
    following = Following(NoEvents(), told)
    following.follow(verdict(namespace, "api", "u"))
    await following.ask()
    assert [proof[1] for proof in told.proofs] == ["image-not-found"]


async def test_runs_by_itself(cluster, pods, namespace, running, eventually) -> None:
    told, uid = Told(), await pods.make()
    following = Following(cluster, told, every=0.05)
    running(following.run())
    following.follow(verdict(namespace, "api", uid))
    await pods.event(uid, "Pulled", f'Successfully pulled image "{IMAGE}" in 2.1s')
    await pods.runs()
    await eventually(lambda: bool(told.proofs))
    await asyncio.sleep(0)
