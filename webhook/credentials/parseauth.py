"""What containerd makes of a login that it is handed over the CRI (pure).

The first of these that is there counts: user with password, identity token, `auth` (padded base64 of "user:password").
A server address of another host than the one that asks makes it no login at all. The kubelet hands over user and
password alone, so for a pod a password without a user is nothing. Source: containerd
internal/cri/server/images/image_pull.go (`ParseAuth`).
"""

from dataclasses import dataclass

from webhook.credentials.authfield import InvalidAuth, decode_padded
from webhook.credentials.pattern import split_url


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class AuthConfig:
    """The CRI's AuthConfig; its texts are secrets, so it has no repr."""

    username: str = ""
    password: str = ""
    auth: str = ""
    identity_token: str = ""
    server_address: str = ""


def parse_auth(config: AuthConfig | None, host: str = "") -> tuple[str, str]:
    """Return user and secret, both empty for none; a secret alone is an identity token. Raise `InvalidAuth`."""
    if config is None or (config.server_address and _host(config.server_address) != host):
        return "", ""
    if config.username:
        return config.username, config.password
    if config.identity_token:
        return "", config.identity_token
    if not config.auth:
        return "", ""
    user, colon, password = decode_padded(config.auth).partition(":")
    if not colon:
        raise InvalidAuth("invalid decoded auth: it holds no colon")
    return user, password.strip("\0")


def _host(address: str) -> str:
    if not address.startswith(("https://", "http://")):
        return ""  # Go takes the whole for a path
    parts = split_url(address)
    if parts is None:
        raise InvalidAuth("parse server address: it is no URL")
    return parts[0]
