"""Mutating webhooks by name: who changes images or pull secrets, who never does, and who may."""

import pytest

from webhook.cluster.wellknown import changes, harmless


@pytest.mark.parametrize(
    ("configuration", "webhook", "who"),
    [
        ("kuik-mutating-webhook", "w.example.com", "kube-image-keeper"),
        ("any", "agent.zarf.dev", "Zarf"),
        ("kyverno-resource-mutating-webhook-cfg", "mutate.kyverno.svc-fail", "Kyverno"),
        ("policy.sigstore.dev", "policy.sigstore.dev", "Sigstore policy-controller"),
        ("kruise-mutating-webhook-configuration", "mpod.kb.io", "OpenKruise"),
        ("istio-sidecar-injector", "rev.namespace.sidecar-injector.istio.io", ""),
    ],
)
def test_who_changes_images_is_found_by_a_part_of_the_name(configuration: str, webhook: str, who: str) -> None:
    assert changes(configuration, webhook) == who


@pytest.mark.parametrize(
    ("configuration", "webhook"),
    [
        ("istio-sidecar-injector", "sidecar-injector.istio.io"),
        ("istio-revision-tag-default", "rev.object.sidecar-injector.istio.io"),
        ("linkerd-proxy-injector-webhook-config", "linkerd-proxy-injector.linkerd.io"),
        ("vault-agent-injector-cfg", "vault.hashicorp.com"),
        ("pod-identity-webhook", "iam-for-pods.amazonaws.com"),
        ("vpc-resource-mutating-webhook", "mpod.vpc.k8s.aws"),
        ("azure-wi-webhook-mutating-webhook-configuration", "mutation.azure-workload-identity.io"),
        ("pod-ready.config.common-webhooks.networking.gke.io", "pod-ready.common-webhooks.networking.gke.io"),
        ("vpa-webhook-config", "vpa.k8s.io"),
        ("kueue-mutating-webhook-configuration", "mpod.kb.io"),
        ("opentelemetry-operator-mutation", "mpod.kb.io"),
        ("opentelemetry-operator-mutating-webhook-configuration", "mpod.kb.io"),
    ],
)
def test_who_never_does_is_known_by_the_whole_name(configuration: str, webhook: str) -> None:
    assert harmless(configuration, webhook)
    assert not changes(configuration, webhook)


@pytest.mark.parametrize(
    ("configuration", "webhook"),
    [
        ("mutator", "mutator.corp.example"),
        ("pod-mutator", "mpod.kb.io"),
        ("istio-sidecar-injector", "mutator.corp.example"),
        ("any", "sidecar-injector.istio.io.corp.example"),
        ("any", "xvpa.k8s.io"),
        ("gatekeeper-mutating-webhook-configuration", "mutation.gatekeeper.sh"),
        ("my-kueue-mutating-webhook-configuration", "mpod.kb.io"),
    ],
)
def test_whoever_else_may(configuration: str, webhook: str) -> None:
    assert not harmless(configuration, webhook)
