"""Who may read what: logins, tokens, challenges and refusals of one registry (no I/O).

The personality says how each refusal looks; the order of the questions is the same for all: is there a login, is it
right, does it open this repository.
"""

import json
import secrets
from collections.abc import Iterable

import msgspec

from webhook.demo.answer import JSON, Answer, Auth, Request
from webhook.demo.personality import Hides, Scheme
from webhook.demo.site import Site
from webhook.demo.store import Store


class Grant(msgspec.Struct, frozen=True):
    """What a token is good for: who asked ("" for nobody), and which repositories it opens."""

    user: str
    repositories: frozenset[str]


class Gate:
    """Guards one site's store."""

    def __init__(self, site: Site, store: Store) -> None:
        self._users = site.users
        self._manners = site.manners
        self._store = store
        self._grants: dict[str, Grant] = {}

    def token(self, request: Request) -> Answer:
        """Answer as the token service that the challenges name."""
        manners = self._manners
        if request.method == "POST" and manners.post_status != 200:
            return Answer(status=manners.post_status)
        asked = [scope.split(":")[1] for scope in request.scopes if scope.count(":") == 2]
        user = self._user(request, asked)
        if user is None:
            return manners.bad_login
        readable = frozenset(name for name in asked if self._may_read(user, name))
        refused = manners.known_refused if user else manners.anonymous_refused
        if refused is not None and asked and not readable:
            return refused.filled({"name": asked[0], "user": user})
        token = secrets.token_urlsafe(24)
        self._grants[token] = Grant(user, readable)
        keys = ("access_token",) if request.method == "POST" else manners.token_keys
        return Answer(headers={"Content-Type": JSON}, body=json.dumps(dict.fromkeys(keys, token) | {"expires_in": 300}))

    def refusal(self, request: Request, name: str) -> Answer | None:
        """Return why this request may not touch the repository `name`, or None; "" is the registry itself."""
        manners = self._manners
        match manners.scheme:
            case Scheme.OPEN:
                return None
            case Scheme.BEARER if request.auth is not Auth.BEARER:
                return self._challenge(manners.unauthorized, name)
            case Scheme.BEARER:
                grant = self._grants.get(request.token)
                if grant is None:
                    return self._challenge(manners.unauthorized, name, error="invalid_token")
                if name and name not in grant.repositories:
                    return self._challenge(manners.no_access, name, error=manners.access_error, user=grant.user)
                return None
            case Scheme.BASIC:
                return self._basic_refusal(request, name)

    def _basic_refusal(self, request: Request, name: str) -> Answer | None:
        user = self._user(request, [name])
        if user is None:
            return self._challenge(self._manners.bad_login, name)
        if user and not self._may_read(user, name):
            return self._challenge(self._manners.no_access, name, user=user)
        repository = self._store.repository(name)
        readable = user or (repository is not None and repository.public)
        return None if readable else self._challenge(self._manners.unauthorized, name)

    def _user(self, request: Request, names: Iterable[str]) -> str | None:
        """Return who asks for these repositories: "" for nobody, None for a login that is wrong."""
        if request.login is None:
            return "" if request.auth is Auth.NONE else None
        user, password = request.login
        repositories = (self._store.repository(name) for name in names)
        known = [self._users, *(each.users for each in repositories if each is not None)]
        return user if user and any(users.get(user) == password for users in known) else None

    def _may_read(self, user: str, name: str) -> bool:
        repository = self._store.repository(name)
        if repository is None:
            hides = self._manners.hides_missing
            return hides is Hides.NOBODY or (hides is Hides.STRANGERS and bool(user))
        return repository.public or (bool(user) and (repository.readers is None or user in repository.readers))

    def _challenge(self, answer: Answer, name: str, *, error: str = "", user: str = "") -> Answer:
        """Add the challenge to a 401; names in it are filled in with the rest of the answer."""
        filled = answer.filled({"name": name, "user": user})
        if answer.status != 401:
            return filled
        manners = self._manners
        parameters = {"realm": manners.realm, "service": manners.service}
        if manners.scheme is Scheme.BEARER:
            parameters |= {"scope": manners.scope if name else "", "error": error}
        text = ",".join(f'{key}="{value}"' for key, value in parameters.items() if value)
        header = {"WWW-Authenticate": f"{manners.scheme.capitalize()} {text}"}
        return msgspec.structs.replace(filled, headers=filled.headers | header)
