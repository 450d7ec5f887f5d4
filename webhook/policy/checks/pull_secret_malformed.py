"""Every pull secret of a pod must decode.

Looks at:  the pull secrets that the kubelet would read, as it reads them: JSON, base64 and the user:password in auth,
           in every entry for every host
Passes:    no secret is malformed; imagePullPolicy Never, or IfNotPresent on nodes that all have the image
Finds:     pull-secret-malformed (fail): one malformed secret breaks the kubelet's keyring, so every image of the pod
           that needs a pull fails, public ones too
Predicts:  container state waiting, reason ErrImagePull, with the decoder's own text: illegal base64 data at input byte
           4; unable to parse auth field, must be formatted as base64(username:password); invalid character …. There is
           no pull event
Fix:       make the secret anew with kubectl create secret docker-registry, which encodes it right
"""

from webhook.credentials.pullsecret import SecretState
from webhook.policy.cause import caused_by
from webhook.policy.certainty import predicted
from webhook.policy.checks.options import CheckOptions
from webhook.policy.evidence import Evidence
from webhook.policy.finding import Code, Finding
from webhook.policy.remedy import renew_secret
from webhook.policy.wording import printable, quoted


def check_pull_secret_malformed(evidence: Evidence, _: CheckOptions) -> Finding | None:
    """Report the first secret that breaks every pull of the pod."""
    reference = caused_by(evidence, Code.PULL_SECRET_MALFORMED)
    if reference is None:
        return None
    secret = evidence.pull_secrets.in_state(SecretState.MALFORMED)[0]
    why = f" ({printable(secret.reason, 120)})" if secret.reason else ""
    return predicted(
        evidence,
        Code.PULL_SECRET_MALFORMED,
        message=f"secret {quoted(secret.name)} is malformed{why}: it breaks every pull of the pod.",
        brief=f": secret {quoted(secret.name)} is malformed, which breaks every pull of the pod",
        fix=renew_secret(reference, evidence.workload.namespace, secret.name),
    )
