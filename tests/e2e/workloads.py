"""Objects that the tests apply, as JSON (pure)."""

import json

WRONG = "Shop/API:1"
"""An image that no node can even name, whatever else it knows."""
WHY = "invalid reference format: repository name (API) must be lowercase"
WARNED = f'Warning: container "api": {WRONG}: not a valid image name ({WHY}) [invalid-reference]\n'


def denied(namespace: str) -> str:
    """Return what kubectl prints when a Deployment of the wrong image is denied."""
    return (
        'Error from server (Forbidden): error when creating "STDIN": '
        'admission webhook "workloads.pullproof.dev" denied the request: '
        f'1 of 1 image cannot be pulled in namespace "{namespace}" (pullproof enforce=baseline):\n'
        f'- container "api": {WRONG}: not a valid image name: {WHY}. [invalid-reference]\n'
        f"Fix: write image: {WRONG.lower()}\n"
    )


def deployment(image: str, *secrets: str, replicas: int = 1) -> str:
    """Return a Deployment `api` of one image."""
    labels = {"app": "api"}
    pod = {"containers": [{"name": "api", "image": image}], "imagePullSecrets": [{"name": name} for name in secrets]}
    spec = {"replicas": replicas, "selector": {"matchLabels": labels}}
    spec["template"] = {"metadata": {"labels": labels}, "spec": pod}
    return json.dumps({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "api"}, "spec": spec})


def pod(image: str, name: str = "api") -> str:
    """Return a Pod of one image; `kubectl run` refuses some images by itself."""
    spec = {"containers": [{"name": "api", "image": image}]}
    return json.dumps({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": spec})
