"""A registry that wants a login must be offered one.

Looks at:  a 401 while neither the pod nor its ServiceAccount has an entry for this registry
Passes:    registries that let anyone pull; pods whose ServiceAccount brings the secret (only where the pod names none:
           the two are not merged)
Finds:     no-pull-secret (fail; likely unless nodes.logins says what logins nodes hold)
Predicts:  pull access denied, repository does not exist or may require authorization: authorization failed: no basic
           auth credentials, or unexpected status from HEAD request to URL: 401 Unauthorized; reason ErrImagePull
Fix:       create a pull secret in the pod's namespace, and name it in imagePullSecrets of the pod or of its
           ServiceAccount
"""

from webhook.policy.cause import caused_by
from webhook.policy.certainty import predicted
from webhook.policy.checks.options import CheckOptions
from webhook.policy.evidence import Evidence
from webhook.policy.finding import Code, Finding
from webhook.policy.remedy import another_secret
from webhook.policy.wording import printable, quoted


def check_no_pull_secret(evidence: Evidence, _: CheckOptions) -> Finding | None:
    """Report that a login is wanted and the pod brings none."""
    reference = caused_by(evidence, Code.NO_PULL_SECRET)
    if reference is None:
        return None
    registry = printable(reference.registry)
    account = quoted(evidence.workload.service_account)
    return predicted(
        evidence,
        Code.NO_PULL_SECRET,
        message=f"{registry} wants a login; neither the pod nor service account {account} has a pull secret for it.",
        brief=f": {registry} wants a login, and no pull secret has one",
        fix=another_secret(reference, evidence.workload.namespace, evidence.pull_secrets),
    )
