"""The login that a node would offer must be known here, to judge a refusal.

Looks at:  401, 403 and "hidden" answers where nodes hold a login that we do not: the clouds' registries (ECR, Google,
           ACR, OCIR, ICR) and those in nodes.logins; a credential provider that failed; a Secret or ServiceAccount we
           could not read
Passes:    the image resolves anyway; nodes.logins says that nodes hold none
Finds:     credentials-unavailable (error: not verified)
Predicts:  nothing: the node's own login decides. Without one: authorization failed: no basic auth credentials (ECR),
           or 401 Unauthorized, or 403 Forbidden
Fix:       give Pullproof the nodes' credential provider (credentials.providers), or let it read the Secret (RBAC)
"""

from webhook.credentials.pullsecret import NOT_GIVEN, SecretState
from webhook.policy.cause import caused_by, login_unreadable
from webhook.policy.checks.options import CheckOptions
from webhook.policy.evidence import Evidence
from webhook.policy.finding import Code, Finding, FindingClass
from webhook.policy.remedy import may_read
from webhook.policy.wording import printable, registry, status


def check_credentials_unavailable(evidence: Evidence, _: CheckOptions) -> Finding | None:
    """Report that a refusal says nothing, as the node's login may do what ours could not."""
    if caused_by(evidence, Code.CREDENTIALS_UNAVAILABLE) is None:
        return None
    answer = status(evidence, "access refused")
    why = _why(evidence)
    return Finding(
        code=Code.CREDENTIALS_UNAVAILABLE,
        cls=FindingClass.ERROR,
        message=f"{registry(evidence)} answered {answer}, and {why}{_because(evidence)}",
        brief=f" not verified: {answer}, and {why}",
        fix=_fix(evidence),
    )


def _why(evidence: Evidence) -> str:
    return printable(login_unreadable(evidence), 120) or "nodes may hold a login that we do not have"


def _reason(evidence: Evidence) -> str:
    secrets = evidence.pull_secrets
    unreadable = secrets.in_state(SecretState.UNREADABLE)
    return unreadable[0].reason if unreadable else secrets.account_unreadable


def _because(evidence: Evidence) -> str:
    reason = printable(_reason(evidence), 160)
    return f": {reason}" if reason else ""


def _fix(evidence: Evidence) -> str:
    unreadable = evidence.pull_secrets.in_state(SecretState.UNREADABLE)
    if evidence.workload.partial:
        return "have pods judged by the admission webhook (/validate), which is told their pull secrets"
    if _reason(evidence) == NOT_GIVEN:
        return "give its manifest too, or let the cluster be asked: --credentials cluster"
    if unreadable:
        return f"let Pullproof read it: {may_read('secret', unreadable[0].name, evidence.workload.namespace)}"
    if evidence.pull_secrets.account_unreadable:
        account = evidence.pull_secrets.account or evidence.workload.service_account
        return f"let Pullproof read it: {may_read('serviceaccount', account, evidence.workload.namespace)}"
    if evidence.provider_failed:
        return f"mend the credential provider: {printable(evidence.provider_failed, 160)}"
    return "give Pullproof the nodes' credential provider: credentials.providers in its configuration"
