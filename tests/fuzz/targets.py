"""Every decoder of bytes from outside, as a function that a fuzzer can call.

A target takes bytes and may raise what `refuses` names, nothing else. Where there is a law to hold (what is printed can
be read again; two ways of reading agree), it holds that too, by an assertion.
"""

from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

from certs.keypair import KeyPair, UnusableKeyPair
from webhook.admission import review
from webhook.admission.externaldata import ExternalData
from webhook.admission.imagereview import ImageReviews
from webhook.admission.review import MalformedReview
from webhook.credentials.dockerconfig import MalformedConfig, decode_secret
from webhook.credentials.keychain import Keychain
from webhook.credentials.localconfig import decode_local
from webhook.credentials.providerconfig import InvalidProviderConfig, Provider, decode_providers
from webhook.credentials.providerprotocol import InvalidResponse, decode_response
from webhook.documents.read import read
from webhook.image import manifest
from webhook.image.manifest import MalformedManifest
from webhook.image.reference import InvalidReference, Reference
from webhook.registry import challenge, hosts_toml, ocierror, taglist, token
from webhook.registry.answer import Answer
from webhook.registry.failure import RegistryError, Situation, classify
from webhook.registry.hosts_toml import MalformedHosts
from webhook.registry.resolution import Step
from webhook.registry.token import Grant, NoToken, check_realm
from webhook.registry.url import InvalidUrl, Url
from webhook.settings import decoding
from webhook.settings.decoding import InvalidSettings

CORPUS = Path(__file__).with_name("corpus")
_URL = Url.parse("https://reg.example/v2/")
_IMAGE = Reference.parse("reg.example/team/app:1")
_PROVIDER = Provider(
    name="p",
    match_images=("*.example",),
    default_cache_duration=0,
    api_version="credentialprovider.kubelet.k8s.io/v1",
)


@dataclass(frozen=True)
class Target:
    """One decoder. `words`: what its inputs are made of, for a fuzzer's dictionary."""

    call: Callable[[bytes], object]
    refuses: tuple[type[Exception], ...] = ()
    words: tuple[str, ...] = ()

    def __call__(self, data: bytes) -> None:
        """Decode; what it may refuse is as good as what it takes."""
        try:
            self.call(data)
        except self.refuses:
            return


def _admission_review(data: bytes) -> None:
    """Both ways of reading a review agree, in what they take and in what they make of it."""
    try:
        slowly = review._decode(data)
    except MalformedReview:
        slowly = None
    try:
        found = review.decode(data)
    except MalformedReview:
        found = None
    assert found == slowly, (found, slowly)
    if found is not None:
        review.encode_allowed(found.uid)
        review.encode_unverified(found)


def _reference(data: bytes) -> None:
    reference = Reference.parse(_text(data))
    assert Reference.parse(str(reference)) == reference


def _dockerconfig(data: bytes) -> None:
    for kind, key in (
        ("kubernetes.io/dockerconfigjson", ".dockerconfigjson"),
        ("kubernetes.io/dockercfg", ".dockercfg"),
    ):
        secret = decode_secret("s", kind, {key: data})
        Keychain([secret]).lookup(_IMAGE)


def _challenges(data: bytes) -> None:
    for each in challenge.parse(data.decode("latin-1").split("\n")):
        if each.realm is not None:
            try:
                check_realm(each.realm, plain=False)
            except token.RealmRefused:
                continue


def _answer(data: bytes, status: int = 200) -> Answer:
    kind, _, body = data.partition(b"\n")
    headers = (("content-type", kind.decode("latin-1")),)
    return Answer(method="GET", url=_URL, status=status, headers=headers, body=body)


def _token(data: bytes) -> None:
    for grant in Grant:
        found = token.decode(Answer(method="GET", url=_URL, status=200, body=data), grant)
        assert found.value.isprintable()
        assert found.lifetime >= 0


def _tag_list(data: bytes) -> None:
    link, _, body = data.partition(b"\n")
    headers = (("link", link.decode("latin-1")),)
    answer = Answer(method="GET", url=_URL, status=200, headers=headers, body=body)
    taglist._next(answer)
    assert all(each.isprintable() for each in taglist._decode(answer))


def _manifest(data: bytes) -> None:
    kind, _, body = data.partition(b"\n")
    manifest.decode(body, manifest.parse_media_type(kind.decode("latin-1")))


def _refusal(data: bytes) -> None:
    ocierror.explain(data)
    for status in (400, 401, 403, 404, 429, 500, 503):
        for step in (Step.MANIFEST, Step.TOKEN):
            error = classify(_answer(data, status), Situation(step=step, login=True, now=0.0))
            assert error.message.isprintable(), error.message


def _url(data: bytes) -> None:
    url = Url.parse(_text(data))
    assert Url.parse(str(url)) == url


def _documents(data: bytes) -> None:
    found = read(["-"], BytesIO(data), namespace="default")
    assert all(problem.line is None or problem.line >= 1 for problem in found.problems)


def _hosts(data: bytes) -> None:
    hosts_toml.parse(_text(data), directory="/etc/containerd/certs.d/reg.example")


def _key_pair(data: bytes) -> None:
    certificate, _, key = data.partition(b"\n\n")
    KeyPair.parse(certificate, key)


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")


_JSON = ("{", "}", "[", "]", ":", ",", '"', "null", "true", "1e400", "\\ud800", "\\u0000")
_YAML = ("---\n", "- ", ": ", "&a ", "*a", "!!binary ", "|\n ", ">-\n ", "<<: *a", "{{ .Values }}", "\t", "#")

TARGETS: dict[str, Target] = {
    "admission-review": Target(
        _admission_review,
        words=(*_JSON, "AdmissionReview", "admission.k8s.io/v1", "request", "oldObject", "containers", "image", "spec"),
    ),
    "image-review": Target(ImageReviews().decode, (MalformedReview,), (*_JSON, "spec", "containers", "annotations")),
    "external-data": Target(ExternalData().decode, (MalformedReview,), (*_JSON, "request", "keys")),
    "reference": Target(
        _reference, (InvalidReference,), ("docker.io/", ":5000/", "@sha256:", "[::1]", "library/", "..")
    ),
    "dockerconfigjson": Target(_dockerconfig, (), (*_JSON, "auths", "auth", "identitytoken", "username", "https://")),
    "local-config": Target(decode_local, (MalformedConfig,), (*_JSON, "auths", "credHelpers", "credsStore")),
    "challenges": Target(
        _challenges, (), ("Bearer ", "Basic ", "realm=", '"', "\\", ",", "scope=", "error=", "https://")
    ),
    "token-answer": Target(_token, (NoToken,), (*_JSON, "token", "access_token", "expires_in", "1e308", "-1")),
    "tag-list": Target(
        _tag_list, (RegistryError,), (*_JSON, "tags", "name", "<", '>; rel="next"', "?n=1&last=", "https:")
    ),
    "manifest": Target(
        _manifest,
        (MalformedManifest,),
        (*_JSON, "schemaVersion", "mediaType", "manifests", "layers", "config", "platform", "sha256:", "os.version"),
    ),
    "image-config": Target(manifest.decode_config, (MalformedManifest,), (*_JSON, "architecture", "os", "rootfs")),
    "refusal": Target(_refusal, (), (*_JSON, "errors", "code", "message", "detail", "TOOMANYREQUESTS", "text/html\n<")),
    "url": Target(_url, (InvalidUrl,), ("https://", "http://", "@", ":443", "[::", "%2f", "?", "#", "\\", "..")),
    "hosts-toml": Target(
        _hosts, (MalformedHosts,), ("server = ", "[host.", "capabilities", "ca = ", "client", "skip_verify", "[[", '"')
    ),
    "provider-answer": Target(
        lambda data: decode_response(data, _PROVIDER),
        (InvalidResponse,),
        (*_JSON, "CredentialProviderResponse", "cacheKeyType", "cacheDuration", "auth", "username", "password"),
    ),
    "provider-config": Target(
        decode_providers, (InvalidProviderConfig,), (*_YAML, "providers", "matchImages", "defaultCacheDuration", "12h")
    ),
    "documents": Target(_documents, (), (*_YAML, "kind: Pod", "apiVersion", "containers", "image: ", "kind: List")),
    "configuration": Target(
        lambda data: decoding.decode(_text(data)),
        (InvalidSettings,),
        (*_YAML, "defaults", "enforce", "registries", "exemptions", "checks", "PullproofConfiguration", "60s"),
    ),
    "key-pair": Target(_key_pair, (UnusableKeyPair,), ("-----BEGIN CERTIFICATE-----", "-----BEGIN PRIVATE KEY-----")),
}


def seeds(name: str) -> list[bytes]:
    """Return the kept inputs of a target: samples, and whatever once broke it."""
    return [file.read_bytes() for file in sorted((CORPUS / name).iterdir())]
