"""/imagereview asked by a real API server's own ImagePolicyWebhook, by its admission configuration."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import kubeapi
import pytest

from webhook.cluster.client import KubernetesApi, open_cluster
from webhook.cluster.failure import Denied
from webhook.demo.images import ImageSpec
from webhook.demo.site import Repository, Site

HERE = Site(
    hosts=("reg.test",),
    personality="bearer",
    users={"bob": "right"},
    repositories=(
        Repository(name="acme/app", tags={"1.0": ImageSpec(), "latest": ImageSpec()}),
        Repository(name="acme/private", public=False, tags={"1.0": ImageSpec()}),
    ),
)
CONFIG = {
    "server": {"drain": "0s", "imageReview": {"enabled": True}},
    "nodes": {"logins": "none", "podMutators": "none"},
    "defaults": {"enforce": "strict"},
    "enforceOn": ["workloads", "pods", "ownedPods"],
    "ignoreAnnotations": {"enforce": True},
}


def admission(folder: Path, url: str, authority: bytes) -> dict[str, str]:
    """Write what an operator writes on the control plane, and return the API server's flags."""
    (folder / "ca.crt").write_bytes(authority)
    kubeconfig = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [
            {"name": "p", "cluster": {"server": f"{url}/imagereview", "certificate-authority": str(folder / "ca.crt")}}
        ],
        "users": [{"name": "apiserver"}],
        "contexts": [{"name": "p", "context": {"cluster": "p", "user": "apiserver"}}],
        "current-context": "p",
    }
    (folder / "pullproof.kubeconfig").write_text(json.dumps(kubeconfig))
    policy = {
        "kubeConfigFile": str(folder / "pullproof.kubeconfig"),
        "defaultAllow": False,
        "allowTTL": 1,
        "denyTTL": 1,
        "retryBackoff": 500,
    }
    configuration = {
        "apiVersion": "apiserver.config.k8s.io/v1",
        "kind": "AdmissionConfiguration",
        "plugins": [{"name": "ImagePolicyWebhook", "configuration": {"imagePolicy": policy}}],
    }
    (folder / "admission.yaml").write_text(json.dumps(configuration))
    rules = [{"level": "Metadata", "resources": [{"group": "", "resources": ["pods"]}], "verbs": ["create"]}]
    audit = {"apiVersion": "audit.k8s.io/v1", "kind": "Policy", "omitStages": ["RequestReceived"], "rules": rules}
    (folder / "audit.yaml").write_text(json.dumps(audit))
    return {
        "enable-admission-plugins": "ImagePolicyWebhook",
        "admission-control-config-file": str(folder / "admission.yaml"),
        "audit-policy-file": str(folder / "audit.yaml"),
        "audit-log-path": str(folder / "audit.log"),
    }


@asynccontextmanager
async def asking(folder: Path, flags: dict[str, str]) -> AsyncIterator[KubernetesApi]:
    server = kubeapi.running(folder, more=flags)
    up = await asyncio.to_thread(server.__enter__)
    try:
        async with open_cluster(up.kubeconfig("admin")) as api:
            await api.request("POST", "/api/v1/namespaces", body={"metadata": {"name": "shop"}})
            for namespace in ("shop", "kube-system"):
                path = f"/api/v1/namespaces/{namespace}/serviceaccounts"
                await api.request("POST", path, body={"metadata": {"name": "default"}})
            yield api
    finally:
        await asyncio.to_thread(server.__exit__, None, None, None)


@pytest.mark.usefixtures("parts")
async def test_an_api_server_that_asks_about_images(scene, tmp_path: Path) -> None:
    here = await scene(HERE, config=CONFIG)
    app = f"{here.registry}/acme/app"

    async with asking(tmp_path, admission(tmp_path, here.url, here.authority)) as api:

        async def create(name: str, *images: str, namespace: str = "shop", **annotations: str) -> None:
            containers = [{"name": f"c{n}", "image": image} for n, image in enumerate(images)]
            body = {"metadata": {"name": name, "annotations": annotations}, "spec": {"containers": containers}}
            await api.request("POST", f"/api/v1/namespaces/{namespace}/pods", body=body)

        def audited(name: str) -> dict[str, str]:
            lines = [json.loads(line) for line in (tmp_path / "audit.log").read_text().splitlines()]
            (found,) = [line for line in lines if line["objectRef"].get("name") == name]
            prefix = "imagepolicywebhook.image-policy.k8s.io/"
            given = found.get("annotations", {})
            return {key.removeprefix(prefix): text for key, text in given.items() if key.startswith(prefix)}

        await create("good", f"{app}:1.0")
        with pytest.raises(Denied, match=r"1 of 2 images cannot be pulled in namespace \"shop\""):
            await create("invalid", f"{app}:1.0", f"{here.registry}/Acme/App:1.0")
        with pytest.raises(Denied, match=r"1 of 1 image refused .* mutable tag latest"):
            await create("latest", f"{app}:latest")

        # What a registry says of an image whose pull secrets nobody told us is audited, and denies nothing.
        await create("typo", f"{app}:typo")
        await create("private", f"{here.registry}/acme/private:1.0")

        # Those who may be let through.
        await create("excluded", f"{app}:latest", namespace="kube-system")
        await create("vendor", f"{app}:latest", **{"ignore.pullproof.image-policy.k8s.io/latest-tag": "no other"})

        assert audited("good") == {}
        for name, code in (("invalid", "invalid-reference"), ("latest", "latest-tag")):
            assert audited(name)["decision"] == "denied"
            assert [each["code"] for each in json.loads(audited(name)["findings"])] == [code]
        for name, code in (("typo", "image-not-found"), ("private", "credentials-unavailable")):
            assert [each["code"] for each in json.loads(audited(name)["findings"])] == [code]
        assert here.api.reads == []
