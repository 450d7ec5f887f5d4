"""Mutating webhooks that are known by name (pure): those that change images or pull secrets, and those that never do.

A webhook on neither list may do anything. Which one it is, is told by the name of the webhook itself, which is a domain
that its makers chose, and where that is anybody's (kubebuilder's `mpod.kb.io`) by that of its configuration. Who is
known to change something is found by a part of the name: a false match costs a denial. Who is known to change nothing
must be named in full: a false match could make a denial wrong.

On the second list is only what leaves the images and pull secrets of the pod's own containers alone, as it comes. It
may add containers, which are judged when the pod itself comes, and labels, environment, volumes, resources. Istio adds
pull secrets where `global.imagePullSecrets` says so; the pods then show it (`survey`).
"""

import re
from collections.abc import Mapping
from typing import Final

CHANGES: Final[Mapping[str, re.Pattern[str]]] = {
    name: re.compile(pattern)
    for name, pattern in {
        "kube-image-keeper": r"kube-image-keeper|kuik",
        "k8s-digester": r"digester-mutating-webhook",
        "k8s-image-swapper": r"image-swapper|imageswap",
        "Connaisseur": r"connaisseur",
        "Sigstore policy-controller": r"policy\.sigstore\.dev|cosigned",
        "Portieris": r"portieris|image-admission-config",
        "Zarf": r"zarf",
        "Kyverno": r"kyverno-resource-mutating",
        "Tugger": r"tugger",
        "harbor-container-webhook": r"harbor-container-webhook",
        "OpenKruise": r"kruise-mutating-webhook",
        "a pull secret injector": r"pull-?secrets?-(?:injector|webhook|patcher)|registry-creds?-",
    }.items()
}
"""Name for people -> what the names of its configuration or webhook match."""

_HARMLESS: Final = re.compile(
    "|".join(
        (
            # service meshes: a sidecar is added
            r"(?:[a-z0-9-]+\.)*sidecar-injector\.istio\.io",
            r"linkerd-(?:proxy|jaeger|tap)-injector\.linkerd\.io|(?:jaeger|tap)-injector\.linkerd\.io",
            r"consul-connect-injector\.consul\.hashicorp\.com",
            r"sidecar-injector\.dapr\.io",
            # secrets into pods: an init container, a sidecar, environment
            r"vault\.hashicorp\.com",
            r"pods\.vault-secrets-webhook\.admission\.banzaicloud\.com",
            # the clouds' own: environment, resources, scheduling
            r"iam-for-pods\.amazonaws\.com",
            r"[a-z0-9-]+-amazon-eks-fargate-mutation\.amazonaws\.com",
            r"mpod\.vpc\.k8s\.aws|mpod\.elbv2\.k8s\.aws|mpod\.gwc\.k8s\.aws",
            r"mutation\.azure-workload-identity\.io",
            r"(?:[a-z0-9-]+\.)+common-webhooks\.networking\.gke\.io",
            r"gcsfuse-sidecar-injector\.csi\.storage\.gke\.io",
            # resources and scheduling
            r"vpa\.k8s\.io",
            r"mutatepod\.volcano\.sh",
            r"(?:[a-z0-9-]+\.)+resources\.gardener\.cloud",
        )
    )
)
_HARMLESS_CONFIGURATIONS: Final = re.compile(
    r"kueue-mutating-webhook-configuration|opentelemetry-operator-mutat(?:ion|ing-webhook-configuration)"
)


def changes(configuration: str, webhook: str) -> str:
    """Return who this is, where it is known to change images or pull secrets of pods, or ""."""
    return next(
        (name for name, pattern in CHANGES.items() if pattern.search(configuration) or pattern.search(webhook)), ""
    )


def harmless(configuration: str, webhook: str) -> bool:
    """Tell whether this is known to leave the images and pull secrets of pods alone."""
    return bool(_HARMLESS.fullmatch(webhook) or _HARMLESS_CONFIGURATIONS.fullmatch(configuration))
