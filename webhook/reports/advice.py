"""What a person does about a cause that `explain` has found, in the words of that registry (pure).

The checks' own fixes speak to whoever runs Pullproof, too: where it may not read, where its own network ends. A person
in front of one stuck pod wants the image to be pulled. This gives the one command for that, by what causes the trouble:

| cause | the command |
|---|---|
| `credentials-unavailable`, unless there is something that we may not read | makes or renews the pull secret |
| `registry-unreachable` | as its check says, but no NetworkPolicy has a part in a node's pull |
| what only the node says | makes or renews the pull secret, grants access, lists the tags |
"""

from dataclasses import replace

from webhook.credentials.keychain import Keychain
from webhook.credentials.pullsecret import PullSecrets, SecretState
from webhook.image.reference import Reference
from webhook.policy import remedy
from webhook.policy.finding import Code, Finding
from webhook.workload.workload import Workload

_REFUSED = (Code.UNAUTHORIZED, Code.FORBIDDEN, Code.DENIED_OR_MISSING, Code.NO_PULL_SECRET)
_POLICIES = "(NetworkPolicy, firewall)"


def advised(cause: Finding, reference: Reference, workload: Workload, secrets: PullSecrets) -> Finding:
    """Return the cause with what to do about it, where that is not its check's own fix."""
    match cause.code:
        case Code.CREDENTIALS_UNAVAILABLE if not unreadable(secrets):
            command = login_for(reference, workload, secrets)
            return replace(cause, fix=f"if no node has a login either: {command}")
        case Code.REGISTRY_UNREACHABLE:
            return replace(cause, fix=cause.fix.replace(_POLICIES, "(firewall, proxy; no NetworkPolicy rules a pull)"))
    return cause


def advice(code: Code, reference: Reference, workload: Workload, secrets: PullSecrets) -> str:
    """Return what to do about what only the node says, or "" where the check's page has to do."""
    if code in _REFUSED:
        return login_for(reference, workload, secrets) if code is not Code.FORBIDDEN else remedy.grant_access(reference)
    if code is Code.RATE_LIMITED:
        return f"wait, or log in: {login_for(reference, workload, secrets)}"
    if code is Code.IMAGE_NOT_FOUND:
        return f"see which tags there are: {remedy.list_tags(reference)}"
    return ""


def login_for(reference: Reference, workload: Workload, secrets: PullSecrets) -> str:
    """Return the command that gives the pod a login: a new secret, or a new login for the one that fits."""
    fits = [fit.secret for fit in Keychain(secrets.secrets).explain(reference) if fit.fits]
    if fits:
        return remedy.mend_secret(reference, workload.namespace, secrets, fits[0])
    missing = secrets.in_state(SecretState.MISSING)
    if missing:
        return remedy.create_secret(reference, workload.namespace, missing[0].name)
    return remedy.another_secret(reference, workload.namespace, secrets)


def unreadable(secrets: PullSecrets) -> bool:
    """Tell whether a refusal may only be for want of what we may not read."""
    return bool(secrets.in_state(SecretState.UNREADABLE) or secrets.account_unreadable)
