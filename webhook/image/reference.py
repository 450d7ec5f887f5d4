"""Parse image references exactly as a node would (pure)."""

from dataclasses import dataclass
from typing import NewType, Self

Digest = NewType("Digest", str)


class InvalidReference(ValueError):
    """The text is not an image reference; the kubelet would report InvalidImageName."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """A fully qualified image name. Build it with `parse`, never by hand.

    `tag` is None only beside a digest (the tag `latest` is filled in otherwise, as the kubelet does). With both,
    containerd drops the tag: `identifier` is the digest.
    """

    registry: str
    repository: str
    tag: str | None = None
    digest: Digest | None = None

    @classmethod
    def parse(cls, text: str) -> Self:
        """Raise `InvalidReference` unless `text` names an image."""
        raise NotImplementedError

    @property
    def name(self) -> str:
        """The normalised repository, as keyrings look it up: `docker.io/library/nginx`."""
        return f"{self.registry}/{self.repository}"

    @property
    def identifier(self) -> str:
        """What to ask the registry for: the digest wins over the tag."""
        return self.digest or self.tag or "latest"

    def __str__(self) -> str:
        tag = f":{self.tag}" if self.tag else ""
        digest = f"@{self.digest}" if self.digest else ""
        return f"{self.name}{tag}{digest}"
