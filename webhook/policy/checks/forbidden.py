"""The login must have the right to pull the repository.

Looks at:  a 403, or DENIED, given to a login that the registry knows
Passes:    another login of the pod may pull; pages in HTML (geography, firewalls: then it is registry-error or
           not-a-registry)
Finds:     forbidden (fail; likely unless nodes.logins says what logins nodes hold)
Predicts:  unexpected status from HEAD request to URL: 403 Forbidden (since containerd 2.3.3 with the registry's own
           text, such as denied: User is not authorized to perform: ecr:BatchGetImage); or failed to fetch oauth token:
           … 403 Forbidden (an expired GitHub token); reason ErrImagePull
Fix:       give the login read access to the repository, in the registry
"""

from webhook.policy.cause import caused_by
from webhook.policy.certainty import predicted
from webhook.policy.checks.options import CheckOptions
from webhook.policy.evidence import Evidence
from webhook.policy.finding import Code, Finding
from webhook.policy.remedy import grant_access
from webhook.policy.wording import held, own_secrets, status, tried


def check_forbidden(evidence: Evidence, _: CheckOptions) -> Finding | None:
    """Report a known login that has no access."""
    reference = caused_by(evidence, Code.FORBIDDEN)
    if reference is None:
        return None
    cause = f"{status(evidence, '403')} with {tried(evidence.candidates)}"
    return predicted(
        evidence,
        Code.FORBIDDEN,
        message=f"{cause}{held(evidence, own_secrets(evidence))}: the login is known and has no access.",
        brief=f": no access, {cause}",
        fix=grant_access(reference),
    )
