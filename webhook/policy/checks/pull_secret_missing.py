"""The pull secrets that a pod names should exist.

Looks at:  imagePullSecrets of the pod, or of its ServiceAccount where the pod names none; the account itself where the
           registry refused
Passes:    all are there; imagePullPolicy Never
Finds:     pull-secret-missing (warn, also instead of a refusal or a 404 of the registry): the secret may arrive, and
           the kubelet tries again
Predicts:  event FailedToRetrieveImagePullSecret: Unable to retrieve some image pull secrets (regcred); attempting to
           pull the image may not succeed. The pull goes on with the other secrets, or without a login
Fix:       create the secret in the pod's namespace (secrets of other namespaces do not count), or remove the name
"""

from webhook.credentials.pullsecret import SecretState
from webhook.policy.cause import cause
from webhook.policy.checks.options import CheckOptions
from webhook.policy.evidence import Evidence
from webhook.policy.finding import Code, Finding, FindingClass
from webhook.policy.remedy import create_account, create_secret
from webhook.policy.wording import counted, quoted
from webhook.workload.workload import PullPolicy


def check_pull_secret_missing(evidence: Evidence, _: CheckOptions) -> Finding | None:
    """Report named secrets that do not exist, or a missing ServiceAccount that the pull seems to need."""
    if evidence.reference is None or evidence.image.pull_policy is PullPolicy.NEVER:
        return None
    namespace = evidence.workload.namespace
    missing = [secret.name for secret in evidence.pull_secrets.in_state(SecretState.MISSING)]
    if missing:
        what, fix = counted("secret", missing), create_secret(evidence.reference, namespace, missing[0])
    elif cause(evidence) is Code.PULL_SECRET_MISSING:
        account = evidence.pull_secrets.account or evidence.workload.service_account
        what, fix = counted("service account", [account]), create_account(namespace, account)
    else:
        return None
    where = f" in namespace {quoted(namespace)}" if namespace else ""
    return Finding(
        code=Code.PULL_SECRET_MISSING,
        cls=FindingClass.WARN,
        message=f"{what} not found{where}.",
        brief=f": {what} not found{where}",
        fix=fix,
    )
