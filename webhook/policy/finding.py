"""One observation about one image (pure)."""

from dataclasses import dataclass
from enum import StrEnum


class Code(StrEnum):
    """The stable name of a check's finding; each has a page in docs/checks/."""

    INVALID_REFERENCE = "invalid-reference"
    IMAGE_NOT_FOUND = "image-not-found"
    DENIED_OR_MISSING = "denied-or-missing"
    UNAUTHORIZED = "unauthorized"
    NO_PULL_SECRET = "no-pull-secret"
    FORBIDDEN = "forbidden"
    PLATFORM_MISMATCH = "platform-mismatch"
    WRONG_ARCHITECTURE = "wrong-architecture"
    NOT_AN_IMAGE = "not-an-image"
    NEVER_PULL_ABSENT = "never-pull-absent"
    PLATFORM_PARTIAL = "platform-partial"
    CLUSTER_DNS_NAME = "cluster-dns-name"
    BROKEN_IMAGE = "broken-image"
    LATEST_TAG = "latest-tag"
    PULL_SECRET_MISSING = "pull-secret-missing"
    PULL_SECRET_MALFORMED = "pull-secret-malformed"
    PULL_SECRET_IGNORED = "pull-secret-ignored"
    PULL_SECRET_NO_MATCH = "pull-secret-no-match"
    DOCKER_HUB_QUOTA_LOW = "docker-hub-quota-low"
    UNPINNED_DIGEST = "unpinned-digest"
    TAG_MOVED = "tag-moved"
    RATE_LIMITED = "rate-limited"
    REGISTRY_UNREACHABLE = "registry-unreachable"
    REGISTRY_ERROR = "registry-error"
    NOT_A_REGISTRY = "not-a-registry"
    CREDENTIALS_UNAVAILABLE = "credentials-unavailable"
    NOT_VERIFIED = "not-verified"


class FindingClass(StrEnum):
    """How bad it is; `pass` is the absence of findings."""

    FAIL = "fail"
    """the pull is predicted to fail"""
    WARN = "warn"
    """hygiene: may work today and bite later"""
    ERROR = "error"
    """could not find out: "not verified", never "missing\""""
    SKIP = "skip"
    """nothing to check, with the reason"""


class Certainty(StrEnum):
    """Whether something that we cannot see may change a predicted failure."""

    CERTAIN = "certain"
    LIKELY = "likely"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What a check saw.

    `message`: the cause as a clause for denials and reports, image and code not repeated
    (`tag not found. Nearest tags: 1.4.1, 1.4.0.`).
    `brief`: the same for a warning line, appended to the image as it is, so it begins with a space or `: `
    (` not found in registry`, `: secret "regcred" not found in namespace "shop"`).
    `fix`: one command or edit, in the words of the registry at hand.
    `doubt`: why a fail is only likely, in a few words; empty when certain.
    """

    code: Code
    cls: FindingClass
    message: str
    brief: str
    fix: str
    certainty: Certainty | None = None
    doubt: str = ""

    @property
    def certain(self) -> bool:
        """True for a predicted failure that nothing unseen could change."""
        return self.cls is FindingClass.FAIL and self.certainty is Certainty.CERTAIN
