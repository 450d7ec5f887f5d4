"""The kubelet should be able to use the pull secrets that a pod names.

Looks at:  type, key and entries of the pull secrets
Passes:    kubernetes.io/dockerconfigjson with .dockerconfigjson, or kubernetes.io/dockercfg with .dockercfg, with an
           entry that has a password
Finds:     pull-secret-ignored (warn): type Opaque, a key that does not go with the type, no entries, or only an
           identity token, which the kubelet drops (az acr login writes such a config)
Predicts:  nothing by itself, and that is the trouble: the kubelet skips the secret without a word, and the pull fails
           as if there were none
Fix:       make the secret anew with kubectl create secret docker-registry
"""

from webhook.credentials.pullsecret import PullSecret, SecretState
from webhook.policy.checks.options import CheckOptions
from webhook.policy.evidence import Evidence
from webhook.policy.finding import Code, Finding, FindingClass
from webhook.policy.remedy import mend_secret
from webhook.policy.wording import printable, quoted
from webhook.workload.workload import PullPolicy


def check_pull_secret_ignored(evidence: Evidence, _: CheckOptions) -> Finding | None:
    """Report the first secret that the kubelet would skip, and why."""
    if evidence.reference is None or evidence.image.pull_policy is PullPolicy.NEVER:
        return None
    found = next(((secret, why) for secret in evidence.pull_secrets.secrets if (why := _why(secret))), None)
    if found is None:
        return None
    secret, why = found
    return Finding(
        code=Code.PULL_SECRET_IGNORED,
        cls=FindingClass.WARN,
        message=f"the kubelet ignores secret {quoted(secret.name)}: {why}.",
        brief=f": the kubelet ignores secret {quoted(secret.name)} ({why})",
        fix=mend_secret(evidence.reference, evidence.workload.namespace, evidence.pull_secrets, secret.name),
    )


def _why(secret: PullSecret) -> str:
    if secret.state is SecretState.IGNORED:
        return printable(secret.reason, 100) or "wrong type or key"
    if secret.state is not SecretState.USABLE:
        return ""
    if not secret.entries:
        return printable(secret.reason, 100) or "it has no entries"
    if all(entry.credential.anonymous for entry in secret.entries):
        return printable(secret.reason, 100) or "its entries have no password, at most an identity token"
    return ""
