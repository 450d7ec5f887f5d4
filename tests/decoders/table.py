"""Every decoder of what strangers write: what it takes, what it may raise, and who writes it (pure)."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from webhook.admission import review
from webhook.cluster.learnt import Learnt
from webhook.credentials.authfield import InvalidAuth, decode_auth
from webhook.credentials.dockerconfig import MalformedConfig, decode_secret
from webhook.credentials.keychain import Keychain
from webhook.credentials.localconfig import decode_local
from webhook.credentials.pattern import parse_pattern
from webhook.credentials.providerconfig import API_VERSIONS, InvalidProviderConfig, Provider, decode_providers
from webhook.credentials.providerprotocol import InvalidResponse, decode_response
from webhook.documents.compose import MalformedDocument, compose
from webhook.image.manifest import OCI_INDEX, OCI_MANIFEST, MalformedManifest, decode, decode_config
from webhook.image.platform import InvalidPlatform, Platform
from webhook.image.reference import InvalidReference, Reference
from webhook.registry import challenge, hosts_toml, ocierror, token
from webhook.registry.answer import Answer
from webhook.registry.failure import RegistryError
from webhook.registry.ratelimit import parse_quota, parse_retry_after
from webhook.registry.taglist import _decode as decode_tags
from webhook.registry.url import InvalidUrl, Url
from webhook.settings.decoding import InvalidSettings
from webhook.settings.decoding import decode as decode_settings
from webhook.workload.decoding import MalformedObject
from webhook.workload.kinds import POD

URL = Url.parse("https://reg.example/v2/")
PROVIDER = Provider(name="p", match_images=("*.io",), default_cache_duration=60, api_version=API_VERSIONS[0])


@dataclass(frozen=True, slots=True)
class Decoder:
    """`by`: who writes what it takes. `raises`: all that may leave it. `bound`: strangers may keep it busy."""

    name: str
    by: str
    take: Callable[[bytes], object]
    raises: tuple[type[Exception], ...] = ()
    bound: bool = True


def _text(function: Callable[[str], Any]) -> Callable[[bytes], object]:
    return lambda body: function(body.decode("latin-1"))


def _answer(body: bytes, **headers: str) -> Answer:
    said = tuple((name.replace("_", "-"), value) for name, value in headers.items())
    return Answer(method="GET", url=URL, status=200, headers=said, body=body)


def _header(name: str, read: Callable[[Answer], Any]) -> Callable[[bytes], object]:
    return lambda body: read(_answer(b"", **{name: body.decode("latin-1")}))


def _keychain(body: bytes) -> object:
    secret = decode_secret("s", "kubernetes.io/dockerconfigjson", {".dockerconfigjson": body})
    return Keychain((secret,)).lookup(Reference.parse("quay.io/org/app"))


def decoders() -> Iterator[Decoder]:
    yield Decoder("AdmissionReview", "users", review.decode, (review.MalformedReview,))
    yield Decoder("Pod", "users", POD.decode, (MalformedObject,))
    yield Decoder("image reference", "users", _text(Reference.parse), (InvalidReference,))
    yield Decoder("pull secret, and a look-up in it", "users", _keychain)
    old = "kubernetes.io/dockercfg"
    yield Decoder("pull secret of the older kind", "users", lambda body: decode_secret("s", old, {".dockercfg": body}))
    yield Decoder("auth of a login", "users", _text(decode_auth), (InvalidAuth,))
    yield Decoder("host of a login", "users", _text(parse_pattern))
    yield Decoder("docker config of this machine", "operators", decode_local, (MalformedConfig,), bound=False)
    yield Decoder("manifest", "registries", lambda body: decode(body, OCI_MANIFEST), (MalformedManifest,))
    yield Decoder("index", "registries", lambda body: decode(body, OCI_INDEX), (MalformedManifest,))
    yield Decoder("image config", "registries", decode_config, (MalformedManifest,))
    yield Decoder("error body", "registries", ocierror.decode)
    yield Decoder("error body, explained", "registries", ocierror.explain)
    yield Decoder("challenge", "registries", lambda body: challenge.pick(challenge.parse((body.decode("latin-1"),))))
    for grant in token.Grant:
        name = f"token answer ({grant})"
        yield Decoder(name, "registries", lambda body, g=grant: token.decode(_answer(body), g), (token.NoToken,))
    yield Decoder("tag list", "registries", lambda body: list(decode_tags(_answer(body))), (RegistryError,))
    yield Decoder("quota", "registries", _header("ratelimit_remaining", parse_quota))
    yield Decoder("Retry-After", "registries", _header("retry_after", lambda answer: parse_retry_after(answer, now=0)))
    yield Decoder("Location", "registries", _text(URL.join), (InvalidUrl,))
    yield Decoder("platform", "users", _text(Platform.parse), (InvalidPlatform,))
    yield Decoder("hosts.toml", "operators", _text(_hosts), (hosts_toml.MalformedHosts,), bound=False)
    yield Decoder("configuration", "operators", _text(decode_settings), (InvalidSettings,), bound=False)
    yield Decoder("provider configuration", "operators", decode_providers, (InvalidProviderConfig,), bound=False)
    yield Decoder("provider answer", "operators", lambda body: decode_response(body, PROVIDER), (InvalidResponse,))
    yield Decoder("what was learnt", "operators", _text(Learnt.decode))
    yield Decoder("YAML documents", "users", lambda body: list(compose(body)), (MalformedDocument,), bound=False)


def _hosts(text: str) -> object:
    return hosts_toml.parse(text, directory="/etc/containerd/certs.d/reg.example")


def hostile(size: int) -> Iterator[tuple[str, bytes]]:
    """Yield inputs of about `size` bytes that have broken decoders elsewhere."""
    yield "open brackets", b"[" * size
    yield "open objects", b'{"a":' * (size // 5)
    yield "closed brackets", b"[" * (size // 2) + b"]" * (size // 2)
    yield "one text", b'"' + b"a" * (size - 2) + b'"'
    yield "an open text", b'"' * (size | 1)
    yield "escapes", b'"' + b"\\u0041" * (size // 6) + b'"'
    yield "backslashes", b"\\" * size
    yield "blanks", b" " * size
    yield "lines", b"\n" * size
    yield "commas", b"," * size
    yield "equals", b"=" * size
    yield "colons", b":" * size
    yield "slashes", b"/" * size
    yield "dots", b"a." * (size // 2)
    yield "dashes", b"-" * size
    yield "under scores", b"a__" * (size // 3)
    yield "at signs", b"@" * size
    yield "stars", b"*." * (size // 2)
    yield "per cents", b"%41" * (size // 3)
    yield "digits", b"9" * size
    yield "zeros", b"\0" * size
    yield "not UTF-8", b"\xff\xfe" * (size // 2)
    yield "letters", b"a" * size
    yield "upper case", b"A" * size
    yield "a text half closed", b'a="' * (size // 3)
    yield "parameters", b'Bearer a="b",' * (size // 13)
    yield "schemes", b"Bearer " * (size // 7)
    yield "keys", b"{" + b",".join(b'"%d":1' % number for number in range(size // 10)) + b"}"
    yield "the same key", b"{" + b",".join([b'"auths":{}'] * (size // 11)) + b"}"
    yield "logins", b'{"auths":{' + b",".join(b'"h%d.io":{"auth":"YTpi"}' % n for n in range(size // 26)) + b"}}"
    some = b",".join(b'"h%d.example.io":{"auth":"YTpi","email":"%s"}' % (n, b"m" * 450) for n in range(size // 540))
    yield "long logins", b'{"auths":{' + some + b"}}"
    same = b",".join([b'"h.example.io":{"auth":"%s"}' % (b"YTpi" * 40)] * min(size // 200, 4_900))
    yield "a login that comes often", b'{"auths":{' + same + b"}}"
    yield "a user that comes often", b'{"auths":{"h.io":{' + b",".join([b'"username":"a"'] * (size // 16)) + b"}}}"
    yield "entries", b'{"manifests":[' + b",".join([b'{"digest":"sha256:x"}'] * (size // 22)) + b"]}"
    yield "errors", b'{"errors":[' + b",".join([b'{"code":"DENIED","message":"m"}'] * (size // 32)) + b"]}"
    yield "tags", b'{"tags":[' + b",".join([b'"1.2.3"'] * (size // 8)) + b"]}"
    yield "tables", b"[host.a]\n" * (size // 9)
    yield "inline tables", b"a={" * (size // 3)
    yield "anchors", b"- &a [*a]\n" * (size // 10)
    yield "flow sequences", b"- [a, b]\n" * (size // 9)
    yield "documents", b"---\na: 1\n" * (size // 9)
    yield "comments", b"# a\n" * (size // 4)
    yield "block texts", b"- |\n  a\n" * (size // 8)
    yield "many images", b"a: 1\n" * (size // 5)
