"""AdmissionReviews as an API server sends them, of the sizes that the bench is about (pure).

`@UID@` stands where each request has a number of its own, so that nothing can be answered by the bytes of the one
before: its uid, the pod's name and uid, and the volume of its token, which ServiceAccount admission names anew for
every pod and mounts into each of its containers (plugin/pkg/admission/serviceaccount/admission.go).
"""

import json
from collections.abc import Sequence
from typing import Any

_ROOM = 64
"""How far below the wanted size a review may end."""


def pod(images: Sequence[str], *, size: int, secret: str = "") -> bytes:
    """Return the review of a new Pod with one container for each image, of about `size` bytes."""
    spec = _admitted(_spec(images, secret))
    spec |= {"nodeName": None, "priority": 0, "preemptionPolicy": "PreemptLowerPriority", "enableServiceLinks": True}
    return _padded(
        "Pod", "", "pods", {"apiVersion": "v1", "kind": "Pod", "spec": spec, "status": {"phase": "Pending"}}, size
    )


def deployment(images: Sequence[str], *, size: int) -> bytes:
    """Return the review of a new Deployment whose pods have one container for each image."""
    template = {"metadata": {"labels": {"app": "shop"}}, "spec": _spec(images, "")}
    spec = {
        "replicas": 3,
        "selector": {"matchLabels": {"app": "shop"}},
        "template": template,
        "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": "25%", "maxSurge": "25%"}},
        "revisionHistoryLimit": 10,
        "progressDeadlineSeconds": 600,
    }
    obj = {"apiVersion": "apps/v1", "kind": "Deployment", "spec": spec, "status": {}}
    return _padded("Deployment", "apps", "deployments", obj, size)


def numbered(template: bytes, number: int) -> bytes:
    """Return the review of one request."""
    return template.replace(b"@UID@", b"%012d" % number)


def _spec(images: Sequence[str], secret: str) -> dict[str, object]:
    return {
        "containers": [_container(number, image) for number, image in enumerate(images)],
        "volumes": [{"name": "config", "configMap": {"name": "shop-config", "defaultMode": 420}}],
        "imagePullSecrets": [{"name": secret}] if secret else [],
        "restartPolicy": "Always",
        "terminationGracePeriodSeconds": 30,
        "dnsPolicy": "ClusterFirst",
        "serviceAccountName": "default",
        "serviceAccount": "default",
        "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
        "schedulerName": "default-scheduler",
        "tolerations": [
            {
                "key": f"node.kubernetes.io/{taint}",
                "operator": "Exists",
                "effect": "NoExecute",
                "tolerationSeconds": 300,
            }
            for taint in ("not-ready", "unreachable")
        ],
    }


def _admitted(spec: dict[str, Any]) -> dict[str, object]:
    """Return the spec of a pod that has been through ServiceAccount admission."""
    sources = [
        {"serviceAccountToken": {"expirationSeconds": 3607, "path": "token"}},
        {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
        {
            "downwardAPI": {
                "items": [{"path": "namespace", "fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.namespace"}}]
            }
        },
    ]
    token = {"name": "kube-api-access-@UID@", "projected": {"sources": sources, "defaultMode": 420}}
    mount = {
        "name": "kube-api-access-@UID@",
        "readOnly": True,
        "mountPath": "/var/run/secrets/kubernetes.io/serviceaccount",
    }
    mounted = [{**each, "volumeMounts": [*each["volumeMounts"], mount]} for each in spec["containers"]]
    return {**spec, "containers": mounted, "volumes": [*spec["volumes"], token]}


def _container(number: int, image: str) -> dict[str, object]:
    probe = {"httpGet": {"path": "/healthz", "port": 8080, "scheme": "HTTP"}, "timeoutSeconds": 1, "periodSeconds": 10}
    return {
        "name": f"part-{number}",
        "image": image,
        "imagePullPolicy": "IfNotPresent",
        "ports": [{"containerPort": 8080 + number, "protocol": "TCP"}],
        "env": [
            {"name": "POD_NAME", "valueFrom": {"fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.name"}}},
            {"name": "LOG_LEVEL", "value": "info"},
        ],
        "resources": {"limits": {"memory": "256Mi"}, "requests": {"cpu": "100m", "memory": "128Mi"}},
        "volumeMounts": [{"name": "config", "mountPath": "/etc/shop"}],
        "livenessProbe": probe,
        "readinessProbe": probe,
        "terminationMessagePath": "/dev/termination-log",
        "terminationMessagePolicy": "File",
        "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
    }


def _padded(kind: str, group: str, resource: str, obj: dict[str, object], size: int) -> bytes:
    """Return the review, brought up to `size` by what large objects are mostly made of: managed fields."""
    bare = _review(kind, group, resource, obj, 0)
    missing = size - len(bare)
    entry = len(_review(kind, group, resource, obj, 1)) - len(bare)
    return _review(kind, group, resource, obj, max(0, missing + _ROOM) // entry)


def _review(kind: str, group: str, resource: str, obj: dict[str, object], managed: int) -> bytes:
    metadata = {
        "name": "shop-@UID@",
        "namespace": "default",
        "uid": "6a6f1d0c-5d2b-4d5e-9f00-@UID@",
        "creationTimestamp": "2026-01-01T00:00:00Z",
        "labels": {"app": "shop", "pod-template-hash": "5d4f8c7b9d"},
        "annotations": {"prometheus.io/scrape": "true", "prometheus.io/port": "8080"},
        "managedFields": [_managed(number) for number in range(managed)],
    }
    named = {"group": group, "version": "v1", "kind": kind}
    located = {"group": group, "version": "v1", "resource": resource}
    review = {
        "kind": "AdmissionReview",
        "apiVersion": "admission.k8s.io/v1",
        "request": {
            "uid": "705ab4f5-6393-11e8-b7cc-@UID@",
            "kind": named,
            "resource": located,
            "requestKind": named,
            "requestResource": located,
            "name": "shop-@UID@",
            "namespace": "default",
            "operation": "CREATE",
            "userInfo": {
                "username": "system:serviceaccount:kube-system:replicaset-controller",
                "groups": ["system:authenticated"],
            },
            "object": {"apiVersion": obj["apiVersion"], "kind": kind, "metadata": metadata, **obj},
            "oldObject": None,
            "dryRun": False,
            "options": {"kind": "CreateOptions", "apiVersion": "meta.k8s.io/v1"},
        },
    }
    return json.dumps(review, separators=(",", ":")).encode()


def _managed(number: int) -> dict[str, object]:
    return {
        "manager": f"manager-{number}",
        "operation": "Update",
        "apiVersion": "v1",
        "fieldsType": "FieldsV1",
        "fieldsV1": {f"f:spec-{number}": {"f:containers": {f'k:{{"name":"part-{number}"}}': {".": {}, "f:image": {}}}}},
    }
