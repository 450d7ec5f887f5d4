"""How far the way to a server leads, as a plain value (pure): its name, its port, the certificate it shows."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A certificate as its server shows it, whoever trusts it. `names`: what its subjectAltName holds, in order."""

    names: tuple[str, ...]
    issuer: str
    begins: datetime
    ends: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """One server. `origin` is `scheme://host[:port]`, as requests tell it.

    `addresses` are its name's, none where it has none; `address` is the one that connects; `trouble` says why the first
    step that failed did, in the words of Go's net package. `shown` is None where no TLS was spoken. `proxy`: through
    which proxy requests go; then nothing here was tried.
    """

    origin: str
    host: str
    port: int
    addresses: tuple[str, ...] = ()
    address: str = ""
    shown: Shown | None = None
    proxy: str = ""
    trouble: str = ""

    @property
    def secure(self) -> bool:
        """Whether TLS is to be spoken."""
        return self.origin.startswith("https:")
