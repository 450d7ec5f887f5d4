"""Secrets and ServiceAccounts as the API server would store them (pure)."""

import base64
import binascii

from webhook.documents.node import Branch, Leaf, Row, locate, text_at
from webhook.documents.source import ManifestAccount, ManifestSecret


class InvalidSecret(ValueError):
    """The API server would refuse this Secret."""

    def __init__(self, line: int, message: str) -> None:
        super().__init__(message)
        self.line = line


def secret_of(node: Branch, namespace: str) -> ManifestSecret:
    """Read a Secret: `stringData` wins over `data`; raise `InvalidSecret` where `data` is not base64."""
    name = text_at(node, "metadata", "name")
    content = {key: _decoded(name, key, leaf) for key, leaf in _leaves(node, "data").items()}
    content |= {key: _text(leaf).encode("utf-8", "surrogatepass") for key, leaf in _leaves(node, "stringData").items()}
    return ManifestSecret(
        namespace=text_at(node, "metadata", "namespace") or namespace,
        name=name,
        type=text_at(node, "type") or "Opaque",
        content=content,
    )


def account_of(node: Branch, namespace: str) -> ManifestAccount:
    """Read a ServiceAccount's pull secrets, in order."""
    row = locate(node, ("imagePullSecrets",))
    names = [text_at(item, "name") for item in row.items] if isinstance(row, Row) else []
    return ManifestAccount(
        namespace=text_at(node, "metadata", "namespace") or namespace,
        name=text_at(node, "metadata", "name"),
        pull_secrets=tuple(names),
    )


def _leaves(node: Branch, key: str) -> dict[str, Leaf]:
    branch = locate(node, (key,))
    entries = branch.entries if isinstance(branch, Branch) else {}
    return {name: child for name, child in entries.items() if isinstance(child, Leaf)}


def _text(leaf: Leaf) -> str:
    return leaf.value if isinstance(leaf.value, str) else ""


def _decoded(name: str, key: str, leaf: Leaf) -> bytes:
    """Decode as Go's encoding/json does for []byte: padded standard base64, line breaks skipped."""
    text = _text(leaf).replace("\n", "").replace("\r", "")
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise InvalidSecret(
            leaf.span.line,
            f"secret {name!r}: data[{key!r}] is not base64, the API server would refuse it; "
            "encode it, or move the plain text to stringData",
        ) from error
