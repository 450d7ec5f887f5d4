"""The registry must show the image to the login that the node offers.

Looks at:  answers that do not tell a private image from an absent one: Docker Hub's insufficient_scope, GHCR's and
           Google's 403 at the token service, Quay's and Harbor's 401, Artifactory's 404
Passes:    a login that may pull; a plain 404 (then it is image-not-found)
Finds:     denied-or-missing (fail; likely unless nodes.logins says what logins nodes hold)
Predicts:  pull access denied, repository does not exist or may require authorization: server message:
           insufficient_scope: authorization failed (Docker Hub); failed to authorize: failed to fetch anonymous token:
           unexpected status from GET request to https://ghcr.io/token?…: 403 Forbidden (GHCR, Google); unexpected
           status from HEAD request to URL: 401 Unauthorized (Quay, Harbor); unauthorized: access to the requested
           resource is not authorized (Quay, by CRI-O); reason ErrImagePull
Fix:       check the spelling; if the image is private, give the pod a pull secret that may read it
"""

from webhook.policy.cause import caused_by
from webhook.policy.certainty import predicted
from webhook.policy.checks.options import CheckOptions
from webhook.policy.evidence import Evidence
from webhook.policy.finding import Code, Finding
from webhook.policy.remedy import create_secret, free_name, grant_access
from webhook.policy.wording import tried


def check_denied_or_missing(evidence: Evidence, _: CheckOptions) -> Finding | None:
    """Report an image that its registry either does not have or does not show."""
    reference = caused_by(evidence, Code.DENIED_OR_MISSING)
    if reference is None:
        return None
    if evidence.candidates:
        asked = f"with {tried(evidence.candidates)}"
        fix = f"check the spelling of {reference.name}; if it is private: {grant_access(reference)}"
    else:
        asked = "without a login"
        name = free_name(reference, evidence.pull_secrets)
        command = create_secret(reference, evidence.workload.namespace, name)
        fix = f"check the spelling; if it is private: {command}"
    return predicted(
        evidence,
        Code.DENIED_OR_MISSING,
        message=f"not found or no access {asked}: the registry does not tell which.",
        brief=f" not found or no access ({asked})",
        fix=fix,
    )
