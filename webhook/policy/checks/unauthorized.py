"""A login that the node offers must be accepted.

Looks at:  every login that the pod's pull secrets and the node's own sources have for this registry, in the kubelet's
           order
Passes:    one of them works. After refused logins a node makes no anonymous try, so an expired login breaks public
           images
Finds:     unauthorized (fail; likely unless nodes.logins says what logins nodes hold)
Predicts:  failed to authorize: failed to fetch oauth token: unexpected status from GET request to URL: 401
           Unauthorized, or unexpected status from HEAD request to URL: 401 Unauthorized, or 405 Method Not Allowed (an
           identity token), or (a login without a password) authorization failed: no basic auth credentials; reason
           ErrImagePull
Fix:       renew the login in the secret that is named; remove it if the image is public
"""

from collections.abc import Sequence

from webhook.image.reference import Reference
from webhook.policy.cause import caused_by
from webhook.policy.certainty import predicted
from webhook.policy.checks.options import CheckOptions
from webhook.policy.evidence import Evidence
from webhook.policy.finding import Code, Finding
from webhook.policy.remedy import log_in, mend_secret
from webhook.policy.wording import held, own_secrets, status, tried


def check_unauthorized(evidence: Evidence, _: CheckOptions) -> Finding | None:
    """Report that every login was refused, and which secrets and hosts they are from."""
    reference = caused_by(evidence, Code.UNAUTHORIZED)
    if reference is None:
        return None
    logins = tried(evidence.candidates)
    empty = all(candidate.anonymous for candidate in evidence.candidates)
    cause = f"login without a password in {logins}" if empty else f"{status(evidence, '401')} with {logins}"
    secrets = own_secrets(evidence)
    return predicted(
        evidence,
        Code.UNAUTHORIZED,
        message=f"{cause}{held(evidence, secrets)}.",
        brief=f": {cause}",
        fix=_fix(evidence, reference, secrets),
    )


def _fix(evidence: Evidence, reference: Reference, secrets: Sequence[str]) -> str:
    if not secrets:
        return log_in(reference.registry)
    return mend_secret(reference, evidence.workload.namespace, evidence.pull_secrets, secrets[0])
