"""The configuration's sections, their keys and defaults (pure).

Keys are the fields in camelCase. What a section cannot mean is refused by its `__post_init__` with a ValueError.
"""

from datetime import date
from enum import StrEnum
from typing import Annotated, Literal, TypeAlias

from msgspec import Meta, Struct, field

from webhook.credentials.pattern import parse_pattern
from webhook.policy.finding import Code
from webhook.policy.level import Level
from webhook.policy.statements import Mirrors, Mutators, RuntimeStatement
from webhook.registry.address import AddressRules
from webhook.registry.endpoint import RegistryOptions
from webhook.settings.checktable import CheckTable
from webhook.settings.duration import Duration
from webhook.workload.workload import Subject

Text: TypeAlias = Annotated[str, Meta(min_length=1)]
Count: TypeAlias = Annotated[int, Meta(ge=1)]
Port: TypeAlias = Annotated[int, Meta(ge=1, le=65535)]


class Section(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """A mapping whose unknown keys are refused."""


class Switch(StrEnum):
    """on or off."""

    ON = "on"
    OFF = "off"


class OnUnknown(StrEnum):
    """What becomes of an image that could not be verified."""

    ALLOW = "allow"
    DENY = "deny"


class Defaults(Section, frozen=True, kw_only=True):
    """The levels of the three modes, where the namespace's labels state none."""

    enforce: Level = Level.BASELINE
    warn: Level = Level.STRICT
    audit: Level = Level.STRICT


class IgnoreAnnotations(Section, frozen=True, kw_only=True):
    """What `ignore.pullproof.dev/<code>` annotations count for, beside warnings, audit and the command line."""

    enforce: bool = False


class BreakGlass(Section, frozen=True, kw_only=True):
    """Users (as the API server names them) who are never denied; each use is logged and counted."""

    users: tuple[Text, ...] = ()


class Exemption(Section, frozen=True, kw_only=True):
    """Who and what is let off: every field that is given must hold. Entries are globs."""

    reason: Text
    namespaces: tuple[Text, ...] = ()
    usernames: tuple[Text, ...] = ()
    images: tuple[Text, ...] = ()
    workloads: tuple[Text, ...] = ()
    checks: tuple[Code, ...] = ()
    expires: date | None = None

    def __post_init__(self) -> None:
        """Refuse an exemption of everything: that is what `enforce: off` says in the open."""
        if not (self.namespaces or self.usernames or self.images or self.workloads or self.checks):
            raise ValueError("exempts everything; give namespaces, usernames, images, workloads or checks")


class Registry(Section, frozen=True, kw_only=True):
    """How one registry, or all that `match` fits, is asked; the nodes' mirrors belong here too."""

    match: Text
    mirrors: tuple[Text, ...] = ()
    max_concurrency: Annotated[int, Meta(ge=0)] = 0
    ca_file: str = ""
    client_cert_file: str = ""
    client_key_file: str = ""
    plain_http: bool = field(default=False, name="plainHTTP")
    insecure_skip_verify: bool = False

    def __post_init__(self) -> None:
        """Refuse what the registry client could not make sense of."""
        self.options()

    def options(self) -> RegistryOptions:
        """Return the same for the registry client."""
        return RegistryOptions(
            match=self.match,
            mirrors=self.mirrors,
            plain_http=self.plain_http,
            insecure_skip_verify=self.insecure_skip_verify,
            ca_file=self.ca_file,
            client_cert_file=self.client_cert_file,
            client_key_file=self.client_key_file,
            max_concurrency=self.max_concurrency,
        )


class CredentialSource(StrEnum):
    """Where logins come from."""

    POD_SECRETS = "podSecrets"
    PROVIDERS = "providers"
    DOCKER_CONFIG = "dockerConfig"
    ANONYMOUS = "anonymous"


class Providers(Section, frozen=True, kw_only=True):
    """The kubelet's credential providers: its --image-credential-provider-config and -bin-dir.

    `account_tokens`: ask the API server for tokens of ServiceAccounts, for the providers that want them.
    """

    config_file: Text
    bin_dir: Text
    account_tokens: bool = False


class Credentials(Section, frozen=True, kw_only=True):
    """Which logins are tried, in which order, and where they are had."""

    order: tuple[CredentialSource, ...] = tuple(CredentialSource)
    providers: Providers | None = None
    docker_config_files: tuple[Text, ...] = ()

    def __post_init__(self) -> None:
        """Refuse a source that is named twice."""
        if len(set(self.order)) != len(self.order):
            raise ValueError("credentials.order names a source twice")


class LoginRegistries(Section, frozen=True, kw_only=True):
    """The registries that nodes hold logins for, beside those of the clouds: kubelet patterns (`*.corp.example`)."""

    registries: tuple[Text, ...]

    def __post_init__(self) -> None:
        """Refuse what the kubelet would not take for a pattern."""
        for text in self.registries:
            if parse_pattern(text) is None:
                raise ValueError(f"{text!r} is no pattern of registries; write it like '*.corp.example:5000/team'")


class Nodes(Section, frozen=True, kw_only=True):
    """What nodes know and nobody can see from here."""

    logins: Literal["unknown", "none"] | LoginRegistries = "unknown"
    pod_mutators: Mutators = Mutators.AUTO
    harmless_mutators: tuple[Text, ...] = ()
    placeholders: tuple[Text, ...] = ("auto",)
    runtime: RuntimeStatement = RuntimeStatement.AUTO
    mirrors: Mirrors = Mirrors.AUTO
    hosts_dir: str = ""


class Network(Section, frozen=True, kw_only=True):
    """How registries are reached. `deny` adds to the addresses that are always refused, `allow` wins over both."""

    timeout: Duration = field(default_factory=lambda: Duration(4))
    connect_timeout: Duration = field(default_factory=lambda: Duration(1))
    proxy_from_environment: bool = True
    max_concurrency: Count = 8
    deny: tuple[Text, ...] = ()
    allow: tuple[Text, ...] = ()

    def __post_init__(self) -> None:
        """Refuse what is no address or network, and times that leave none."""
        self.rules()
        if not 0 < self.connect_timeout <= self.timeout:
            raise ValueError("connectTimeout is to be more than 0 and no more than timeout")

    def rules(self, *, loopback: bool = False) -> AddressRules:
        """Return which addresses are refused; `loopback`: whether this process may ask its own machine."""
        return AddressRules.parse(allow=self.allow, deny=self.deny, loopback=loopback)


class SharedCache(Section, frozen=True, kw_only=True):
    """A cache that replicas share over the Redis protocol; positive answers only."""

    enabled: bool = False
    url: str = ""
    password_file: str = ""
    prefix: Text = "pullproof:"
    timeout: Duration = field(default_factory=lambda: Duration(0.02))

    def __post_init__(self) -> None:
        """Refuse a cache without an address, and a password in it."""
        if self.enabled and not self.url.startswith(("redis://", "rediss://", "unix://")):
            raise ValueError("cache.shared.url is to begin with redis://, rediss:// or unix://")
        if "@" in self.url:
            raise ValueError("cache.shared.url holds a login; put the password into passwordFile")


class Cache(Section, frozen=True, kw_only=True):
    """How long answers are believed. No denial rests on a cached one."""

    tags: Duration = field(default_factory=lambda: Duration(60))
    digests: Duration = field(default_factory=lambda: Duration(3600))
    not_found: Duration = field(default_factory=lambda: Duration(15))
    refused: Duration = field(default_factory=lambda: Duration(30))
    max_entries: Count = 20_000
    shared: SharedCache = field(default_factory=SharedCache)


class Budgets(Section, frozen=True, kw_only=True):
    """How much time there is: for an admission request (less where it says ?timeout=), to answer, for a look-up."""

    admission: Duration = field(default_factory=lambda: Duration(9))
    headroom: Duration = field(default_factory=lambda: Duration(0.3))
    lookup: Duration = field(default_factory=lambda: Duration(10))

    def __post_init__(self) -> None:
        """Refuse budgets that leave no time to look."""
        if not 0 <= self.headroom < self.admission:
            raise ValueError("budgets.headroom is to be less than budgets.admission")
        if self.lookup <= 0:
            raise ValueError("budgets.lookup is to be more than 0")


class ImageReview(Section, frozen=True, kw_only=True):
    """/imagereview, for the API server's own ImagePolicyWebhook; it knows no selectors, so namespaces are told here."""

    enabled: bool = False
    exclude_namespaces: tuple[Text, ...] = ("kube-system", "kube-node-lease")


class ExternalData(Section, frozen=True, kw_only=True):
    """/externaldata, for Gatekeeper."""

    enabled: bool = False


class Server(Section, frozen=True, kw_only=True):
    """Where the webhook listens. Without certificate files it issues its own certificate."""

    address: str = ""
    port: Port = 10250
    metrics_port: Port = 8080
    cert_file: str = ""
    key_file: str = ""
    drain: Duration = field(default_factory=lambda: Duration(20))
    events: bool = False
    image_review: ImageReview = ImageReview()
    external_data: ExternalData = ExternalData()

    def __post_init__(self) -> None:
        """Refuse half a key pair, and one port for two."""
        if bool(self.cert_file) != bool(self.key_file):
            raise ValueError("server.certFile and server.keyFile go together")
        if self.port == self.metrics_port:
            raise ValueError("server.port and server.metricsPort are to differ")


class Scan(Section, frozen=True, kw_only=True):
    """The periodic re-check of what runs, by the server."""

    enabled: bool = False
    interval: Duration = field(default_factory=lambda: Duration(3600))
    policy_reports: bool = False

    def __post_init__(self) -> None:
        """Refuse a scan without a pause."""
        if self.interval < 60:
            raise ValueError("scan.interval is to be at least 1m")


class Settings(Section, frozen=True, kw_only=True):
    """The whole configuration; `Settings()` is what holds without any."""

    api_version: Literal["config.pullproof.dev/v1alpha1"] = "config.pullproof.dev/v1alpha1"
    kind: Literal["PullproofConfiguration"] = "PullproofConfiguration"
    enforce: Switch = Switch.ON
    defaults: Defaults = Defaults()
    enforce_on: tuple[Subject, ...] = (Subject.WORKLOADS, Subject.PODS)
    on_unknown: OnUnknown = OnUnknown.ALLOW
    checks: CheckTable = field(default_factory=CheckTable)
    exemptions: tuple[Exemption, ...] = ()
    ignore_annotations: IgnoreAnnotations = IgnoreAnnotations()
    break_glass: BreakGlass = BreakGlass()
    registries: tuple[Registry, ...] = ()
    credentials: Credentials = Credentials()
    nodes: Nodes = Nodes()
    network: Network = field(default_factory=Network)
    cache: Cache = field(default_factory=Cache)
    budgets: Budgets = field(default_factory=Budgets)
    server: Server = field(default_factory=Server)
    scan: Scan = field(default_factory=Scan)
