"""Which Secrets a pod offers, and what one entry of them means.

The registry is private and wants Basic; the login is what the vectors say that the kubelet reads from the entry.
"""

import json
from collections.abc import Iterator
from typing import Any

from case import Arrival, Case, Held, Secret, entry, holding, login, logins

from casebook.policies import NODE_KNOWS, NOT_LISTED
from casebook.vectors import load
from webhook.demo.images import ImageSpec
from webhook.demo.site import Repository

HOST = "secrets.test"


def cases() -> Iterator[Case]:
    for number, vector in enumerate(load("keyring")["auth_field"]):
        yield _entry(f"auth-{number}", {"auth": vector["auth"]}, vector)
    for number, vector in enumerate(load("keyring")["entry"]):
        yield _entry(f"entry-{number}", json.loads(vector["entry_json"]), vector)
    yield from _offered()
    yield from _accounts()


def _entry(key: str, content: object, vector: dict[str, str]) -> Case:
    user, password = vector.get("username", ""), vector.get("password", "")
    repository = Repository(name=f"team/{key}", public=False, tags={"1": ImageSpec()}, users={user: password})
    return Case(
        id=f"secret-{key}",
        says=vector.get("note") or vector.get("error") or "one entry of a docker config",
        image=f"{HOST}/team/{key}:1",
        runs=bool(vector["valid"] and user and password),
        secrets=(_json({"auths": {HOST: content}}),),
        holds=(Held(host=HOST, repository=repository),),
    )


def _json(content: object, **secret: Any) -> Secret:
    return Secret(data={".dockerconfigjson": json.dumps(content)}, **secret)


GOOD = login(HOST)
BAD = login(HOST, password="no", name="bad")
ENTRY = {HOST: entry("bob", "s3cret")}
CFG = Secret(type="kubernetes.io/dockercfg", data={".dockercfg": json.dumps(ENTRY)})
MALFORMED = _json({"auths": {"unrelated.test": {"auth": "!!!"}}}, name="malformed")


def _private(key: str, says: str, runs: bool, *secrets: Secret, **case: Any) -> Case:
    return _case(key, says, runs, *secrets, public=False, **case)


def _public(key: str, says: str, runs: bool, *secrets: Secret, **case: Any) -> Case:
    return _case(key, says, runs, *secrets, public=True, **case)


def _case(key: str, says: str, runs: bool, *secrets: Secret, public: bool, **case: Any) -> Case:
    image = f"{HOST}/team/{key}:1"
    held = holding(image, public=public)
    return Case(id=f"secret-{key}", says=says, image=image, runs=runs, secrets=secrets, holds=(held,), **case)


def _offered() -> Iterator[Case]:
    opaque = Secret(type="Opaque", data={".dockerconfigjson": json.dumps({"auths": ENTRY})})
    yield _private("good", "a good login", True, GOOD)
    yield _private("none", "no login", False)
    yield _private("dockercfg", "the old type", True, CFG)
    yield _private("opaque", "type Opaque is skipped without a word", False, opaque)
    yield _private(
        "basic-auth",
        "type basic-auth too",
        False,
        _typed("kubernetes.io/basic-auth", username="bob", password="s3cret"),
    )
    yield _private("empty-auths", "no entries", False, _json({"auths": {}}))
    yield _private("empty", "an empty object", False, _json({}))
    yield _private("bare", "the bare map in the new type holds no hosts", False, _json(ENTRY))
    yield _private(
        "wrapped",
        "auths in the old type is one host called auths",
        False,
        Secret(type="kubernetes.io/dockercfg", data={".dockercfg": json.dumps({"auths": ENTRY})}),
    )
    yield _private("bad-then-good", "every login is tried: wrong, then right", True, BAD, GOOD)
    yield _private("good-then-bad", "the right one first", True, GOOD, BAD)
    yield _private("bad-then-bad", "two wrong ones", False, BAD, login(HOST, user="eve", password="no"))
    yield _private("twice", "the same Secret twice", True, GOOD, GOOD)
    yield _private("other-host", "only another host's login", False, login("other.test"))
    yield _private(
        "two-hosts", "one Secret for two hosts", True, logins({"other.test": ("x", "y"), HOST: ("bob", "s3cret")})
    )
    yield _private(
        "identity-only", "identity tokens are ignored", False, _json({"auths": {HOST: {"identitytoken": "x"}}})
    )
    yield _private("no-password", "a user without a password", False, _json({"auths": {HOST: {"username": "bob"}}}))
    yield _private("newline", "a newline at the password's end stays", False, login(HOST, password="s3cret\n"))
    yield _private("helper", "credHelpers are ignored", False, _json({"auths": {}, "credHelpers": {HOST: "ecr-login"}}))
    yield _private("missing", "the Secret does not exist", False, login(HOST, arrival=Arrival.NEVER))
    yield _private("elsewhere", "the Secret is in another namespace", False, login(HOST, arrival=Arrival.ELSEWHERE))
    yield _private(
        "missing-and-good",
        "one Secret is missing, the other is right",
        True,
        login("x.test", name="gone", arrival=Arrival.NEVER),
        GOOD,
    )
    yield _private("empty-name", "an empty name is skipped", True, GOOD, extra_secret_names=("",))
    yield _private("only-empty-name", "nothing but an empty name", False, extra_secret_names=("",))
    yield _private(
        "later",
        "the Secret comes 20 seconds later; the kubelet tries again",
        True,
        login(HOST, arrival=Arrival.LATER),
        patience=60,
    )
    yield _private("malformed-beside", "a malformed Secret beside a right one", False, GOOD, MALFORMED)
    yield _public("public-missing", "a missing Secret, for a public image", True, login(HOST, arrival=Arrival.NEVER))
    yield _public("public-malformed", "a malformed Secret breaks public images too", False, MALFORMED)
    yield _public("public-bad", "a wrong login that nobody asks for", True, BAD)
    yield _public("public-none", "a public image", True)
    yield _public(
        "malformed-present",
        "a malformed Secret is not read for an image that is there",
        True,
        MALFORMED,
        preloaded=f"{HOST}/team/malformed-present:1",
        policy="IfNotPresent",
        unknowable=NODE_KNOWS,
        known=NOT_LISTED,
    )
    yield _public(
        "malformed-never",
        "nor for one that is never pulled",
        True,
        MALFORMED,
        preloaded=f"{HOST}/team/malformed-never:1",
        policy="Never",
    )


def _typed(kind: str, **data: str) -> Secret:
    return Secret(type=kind, data=data)


def _accounts() -> Iterator[Case]:
    """The ServiceAccount's secrets are copied into a pod that names none; there is no merge."""
    gone = login(HOST, name="gone", arrival=Arrival.NEVER)
    for kind in ("Pod", "Deployment", "Job"):
        key = kind.lower()
        where = {"kind": kind}
        yield _private(f"account-{key}", f"{kind}: the account's login", True, account_secrets=(GOOD,), **where)
        yield _private(f"account-none-{key}", f"{kind}: an account without any", False, account_secrets=(), **where)
        yield _private(
            f"account-hidden-{key}",
            f"{kind}: its own wrong login hides the account's right one",
            False,
            BAD,
            account_secrets=(GOOD,),
            **where,
        )
        yield _private(
            f"account-beside-{key}",
            f"{kind}: its own right login beside the account's wrong one",
            True,
            GOOD,
            account_secrets=(BAD,),
            **where,
        )
        yield _private(
            f"account-blocked-{key}",
            f"{kind}: an empty name blocks the copy",
            False,
            account_secrets=(GOOD,),
            extra_secret_names=("",),
            **where,
        )
        yield _private(
            f"account-gone-{key}", f"{kind}: the account's Secret is missing", False, account_secrets=(gone,), **where
        )
