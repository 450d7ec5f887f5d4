"""With imagePullPolicy Never the image should be on a node already.

Looks at:  the images that the nodes list, where the pull policy is Never
Passes:    an eligible node lists it; no node is known
Finds:     never-pull-absent (warn): the lists are short (50 images) and late, so it is never more than a warning
Predicts:  reason ErrImageNeverPull: Container image "X" is not present with pull policy of Never
Fix:       load the image onto the nodes, or let them pull it: imagePullPolicy: IfNotPresent
"""

from webhook.policy.checks.options import CheckOptions
from webhook.policy.evidence import Evidence
from webhook.policy.finding import Code, Finding, FindingClass
from webhook.workload.workload import PullPolicy


def check_never_pull_absent(evidence: Evidence, _: CheckOptions) -> Finding | None:
    """Report an image that no node would pull and none seems to have."""
    nodes = evidence.nodes
    if evidence.reference is None or evidence.image.pull_policy is not PullPolicy.NEVER:
        return None
    if not nodes.known or not nodes.eligible or nodes.holding:
        return None
    return Finding(
        code=Code.NEVER_PULL_ABSENT,
        cls=FindingClass.WARN,
        message="imagePullPolicy is Never, and no node that the pod may land on lists the image.",
        brief=": imagePullPolicy is Never and no node lists it",
        fix="load the image onto the nodes, or set imagePullPolicy: IfNotPresent",
    )
