"""A case's Kubernetes objects (pure)."""

import base64
from typing import Any

from case import Case, Role, Secret

ASKED, RUN, ELSEWHERE = "oracle-asked", "oracle", "elsewhere"
"""Where creations are asked about in dry runs, by the defaults; where pods run, with enforcement off; and a third."""

NAMESPACES = {ASKED: {}, RUN: {"pullproof.dev/enforce": "off"}, ELSEWHERE: {}}
"""Their labels."""

BASE_IMAGE = "base.test/base:1"
"""An image that every node can pull, for containers that are not judged."""

_APPS = ("Deployment", "ReplicaSet", "StatefulSet", "DaemonSet")


def secret_name(case: Case, secret: Secret) -> str:
    return f"{case.id}-{secret.name}"


def secret(case: Case, secret: Secret) -> Any:
    return plain_secret(secret_name(case, secret), secret)


def plain_secret(name: str, secret: Secret) -> Any:
    data = {key: base64.b64encode(value.encode()).decode() for key, value in secret.data.items()}
    return _thing("v1", "Secret", name) | {"type": secret.type, "data": data}


def account(case: Case) -> Any:
    names = [{"name": secret_name(case, each)} for each in case.account_secrets or ()]
    return _thing("v1", "ServiceAccount", case.id) | {"imagePullSecrets": names}


def judged(case: Case, image: str) -> Any:
    """Return the object whose creation is judged; for an ephemeral container its pod, which is created before."""
    spec = _pod_spec(case, image)
    labels = {"case": case.id, **case.labels}
    if case.kind == "Pod":
        return _thing("v1", "Pod", case.id, labels) | {"spec": spec}
    template = {"metadata": {"labels": labels}, "spec": spec}
    if case.kind in ("Job", "CronJob"):
        job = {"spec": {"backoffLimit": 0, "template": template}}
        if case.kind == "Job":
            return _thing("batch/v1", "Job", case.id) | job
        return _thing("batch/v1", "CronJob", case.id) | {"spec": {"schedule": "* * * * *", "jobTemplate": job}}
    spec["restartPolicy"] = "Always"
    selector = labels if case.kind == "ReplicationController" else {"matchLabels": labels}
    body: dict[str, Any] = {"selector": selector, "template": template}
    body |= {} if case.kind == "DaemonSet" else {"replicas": 1}
    body |= {"serviceName": case.id} if case.kind == "StatefulSet" else {}
    return _thing("apps/v1" if case.kind in _APPS else "v1", case.kind, case.id) | {"spec": body}


def container(case: Case, image: str) -> Any:
    body: dict[str, Any] = {"name": "judged", "image": image}
    body |= {"imagePullPolicy": case.policy} if case.policy else {}
    command = case.command or (("/exit",) if case.role is Role.INIT else ())
    return body | ({"command": list(command)} if command else {})


def _pod_spec(case: Case, image: str) -> dict[str, Any]:
    base = {"name": "base", "image": BASE_IMAGE, "imagePullPolicy": "IfNotPresent"}
    spec: dict[str, Any] = {
        "restartPolicy": "Never",
        "hostNetwork": True,  # no pod network to set up: pods are up sooner
        "terminationGracePeriodSeconds": 0,
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "containers": [base],
    }
    match case.role:
        case Role.CONTAINER:
            spec["containers"] = [container(case, image)]
        case Role.INIT:
            spec["initContainers"] = [container(case, image)]
        case Role.VOLUME:
            spec["containers"] = [{**base, "name": "judged", "volumeMounts": [{"name": "v", "mountPath": "/v"}]}]
            source = {"reference": image} | ({"pullPolicy": case.policy} if case.policy else {})
            spec["volumes"] = [{"name": "v", "image": source}]
        case Role.EPHEMERAL:
            pass
    if case.host_path:
        spec["volumes"] = [{"name": "h", "hostPath": {"path": case.host_path, "type": "DirectoryOrCreate"}}]
        spec["containers"][0]["volumeMounts"] = [{"name": "h", "mountPath": "/h"}]
    names = [secret_name(case, each) for each in case.secrets] + list(case.extra_secret_names)
    spec |= {"imagePullSecrets": [{"name": name} for name in names]} if names else {}
    spec |= {"serviceAccountName": case.id} if case.account_secrets is not None else {}
    spec |= {"nodeSelector": dict(case.node_selector)} if case.node_selector else {}
    return spec


def _thing(version: str, kind: str, name: str, labels: dict[str, str] | None = None) -> dict[str, Any]:
    return {"apiVersion": version, "kind": kind, "metadata": {"name": name, "labels": labels or {}}}
