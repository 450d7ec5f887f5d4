"""WWW-Authenticate in every shape: what containerd understands of it decides whether the login is asked for and shown.

The registry answers 401 with the vector's header to whoever brings nothing, and serves whoever brings anything.
"""

import re
from collections.abc import Iterator
from urllib.parse import unquote, urlsplit

from case import Case, holding, login

from casebook.sites import KNOWN, other_site
from casebook.vectors import load
from webhook.demo.answer import Auth
from webhook.demo.site import Rule

HOST = "challenge.test"
TOKEN = '{"token":"t","access_token":"t","expires_in":300}'


def cases() -> Iterator[Case]:
    for vector in load("challenges")["cases"]:
        lines = [_elsewhere(line) for line in vector["www_authenticate"]]
        used = vector["containerd"]["used"]
        if not "".join(lines).isascii():
            continue
        rules = [Rule(path=f"^/v2/team/{vector['id']}/manifests", auth=Auth.NONE, status=401, headers=_headers(lines))]
        realm = urlsplit(_elsewhere((used or {}).get("token", {}).get("realm", "")))
        host = realm.hostname or ""
        if host:
            rules.append(Rule(host=host, path=f"^{re.escape(unquote(realm.path))}$", status=200, body=TOKEN))
        yield Case(
            id=f"challenge-{vector['id']}",
            says=vector.get("note", " | ".join(lines)),
            image=f"{HOST}/team/{vector['id']}:1",
            runs=_is_usable(used),
            secrets=(login(HOST),),
            sites=other_site(host) if host else (),
            holds=(holding(f"{HOST}/team/{vector['id']}:1"),),
            rules=tuple(rules),
        )


def _elsewhere(text: str) -> str:
    """Move a realm that is a registry's of the world to a name of its own."""
    return re.sub("|".join(map(re.escape, sorted(KNOWN, key=len, reverse=True))), r"\g<0>.test", text)


def _headers(lines: list[str]) -> dict[str, str]:
    return {"WWW-Authenticate": "\n".join(line for line in lines if line), "Content-Type": "application/json"}


def _is_usable(used: dict[str, object] | None) -> bool:
    """Tell whether a login gets through: Basic always, Bearer where there is a realm that can be asked."""
    if used is None:
        return False
    token = used.get("token")
    if used["scheme"] == "basic":
        return True
    return (
        isinstance(token, dict)
        and re.match(r"https://[\w.]+(:443)?/|http://[\w.]+/", str(token.get("realm"))) is not None
    )
