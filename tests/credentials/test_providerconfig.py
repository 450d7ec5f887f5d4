import json
from contextlib import suppress

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from webhook.credentials.providerconfig import (
    API_VERSIONS,
    InvalidProviderConfig,
    Provider,
    TokenAttributes,
    TokenCacheType,
    check_providers,
    decode_providers,
)

PROVIDER = {
    "name": "ecr-credential-provider",
    "matchImages": ["*.dkr.ecr.*.amazonaws.com"],
    "defaultCacheDuration": "12h",
    "apiVersion": API_VERSIONS[0],
}
TOKEN = {"serviceAccountTokenAudience": "aws", "cacheType": "ServiceAccount", "requireServiceAccount": True}


def encode(*providers, **changes):
    document = {
        "apiVersion": "kubelet.config.k8s.io/v1",
        "kind": "CredentialProviderConfig",
        "providers": list(providers),
        **changes,
    }
    return yaml.safe_dump(document).encode()


def test_as_the_cloud_vendors_write_it():
    body = b"""
apiVersion: kubelet.config.k8s.io/v1
kind: CredentialProviderConfig
providers:
  - name: ecr-credential-provider
    matchImages:
      - "*.dkr.ecr.*.amazonaws.com"
      - "*.dkr.ecr.*.amazonaws.com.cn"
    defaultCacheDuration: "12h"
    apiVersion: credentialprovider.kubelet.k8s.io/v1
    args:
      - get-credentials
    env:
      - name: AWS_PROFILE
        value: temp
"""
    assert decode_providers(body) == (
        Provider(
            name="ecr-credential-provider",
            match_images=("*.dkr.ecr.*.amazonaws.com", "*.dkr.ecr.*.amazonaws.com.cn"),
            default_cache_duration=43200,
            api_version="credentialprovider.kubelet.k8s.io/v1",
            args=("get-credentials",),
            environment=(("AWS_PROFILE", "temp"),),
        ),
    )


def test_json_is_yaml():
    (provider,) = decode_providers(json.dumps(yaml.safe_load(encode(PROVIDER))).encode())
    assert provider.name == PROVIDER["name"]


@pytest.mark.parametrize("version", API_VERSIONS)
def test_versions(version):
    group_version = version.replace("credentialprovider.kubelet", "kubelet.config")
    (provider,) = decode_providers(encode({**PROVIDER, "apiVersion": version}, apiVersion=group_version))
    assert provider.api_version == version


def test_token_attributes():
    keys = {"requiredServiceAccountAnnotationKeys": ["a/role"], "optionalServiceAccountAnnotationKeys": ["b"]}
    (provider,) = decode_providers(encode({**PROVIDER, "tokenAttributes": {**TOKEN, **keys}}))
    assert provider.token == TokenAttributes(
        audience="aws",
        cache_type=TokenCacheType.SERVICE_ACCOUNT,
        required=True,
        required_annotations=("a/role",),
        optional_annotations=("b",),
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"name": ""}, r"providers\[0\]\.name: '' is no file name"),
        ({"name": "../x"}, r"providers\[0\]\.name: '\.\./x' is no file name"),
        ({"name": ".."}, "is no file name"),
        ({"name": "a b"}, "is no file name"),
        ({"matchImages": []}, r"providers\[0\]\.matchImages: at least one"),
        ({"matchImages": None}, "at least one"),
        ({"matchImages": ["a b"]}, "'a b' is no pattern"),
        ({"matchImages": "*.io"}, r"\$\.providers\[0\]\.matchImages|\$.providers\[...\].matchImages"),
        ({"defaultCacheDuration": None}, "defaultCacheDuration is needed"),
        ({"defaultCacheDuration": "12"}, "'12' is no duration"),
        ({"defaultCacheDuration": 12}, "defaultCacheDuration"),
        ({"defaultCacheDuration": "-1s"}, "must not be negative"),
        ({"apiVersion": "v1"}, "'v1' is not one of credentialprovider.kubelet.k8s.io/v1"),
        ({"matchimages": ["*"]}, "unknown field `matchimages`"),
        ({"tokenAttributes": {}}, "serviceAccountTokenAudience is needed"),
        ({"tokenAttributes": {**TOKEN, "cacheType": "Pod"}}, "cacheType"),
        ({"tokenAttributes": {**TOKEN, "cacheType": None}}, "cacheType is needed: ServiceAccount or Token"),
        ({"tokenAttributes": {**TOKEN, "requireServiceAccount": None}}, "requireServiceAccount is needed"),
        (
            {
                "tokenAttributes": {
                    **TOKEN,
                    "requireServiceAccount": False,
                    "requiredServiceAccountAnnotationKeys": ["a"],
                }
            },
            "needs requireServiceAccount: true",
        ),
        (
            {
                "tokenAttributes": {
                    **TOKEN,
                    "requiredServiceAccountAnnotationKeys": ["a"],
                    "optionalServiceAccountAnnotationKeys": ["a"],
                }
            },
            "an annotation key is there twice",
        ),
        ({"tokenAttributes": TOKEN, "apiVersion": API_VERSIONS[1]}, "tokenAttributes needs apiVersion"),
    ],
)
def test_what_a_kubelet_would_not_start_with(change, message):
    with pytest.raises(InvalidProviderConfig, match=message):
        decode_providers(encode({**PROVIDER, **change}))


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"a: [", "not YAML: .*line 2"),
        (b"[]", "object"),
        (b"", "object"),
        (b"a: 2024-99-99", "."),
        (b"&a [*a]", "."),
        (encode(PROVIDER, kind="KubeletConfiguration"), "write apiVersion: kubelet.config.k8s.io/v1"),
        (encode(PROVIDER, apiVersion="v1"), "it is 'v1'"),
        (b"#" * 1_048_577, "larger than 1048576 bytes"),
    ],
)
def test_no_configuration(body, message):
    with pytest.raises(InvalidProviderConfig, match=message):
        decode_providers(body)


def test_providers_together():
    (provider,) = decode_providers(encode(PROVIDER))
    check_providers((provider,))
    with pytest.raises(InvalidProviderConfig, match="at least one"):
        check_providers(())
    with pytest.raises(InvalidProviderConfig, match="is there twice"):
        check_providers((provider, provider))


@given(st.one_of(st.binary(max_size=40), st.text(alphabet="a:[]{}&*!|>- \n\t0#'\"%", max_size=30).map(str.encode)))
def test_only_its_own_error(body):
    with suppress(InvalidProviderConfig):
        decode_providers(body)
