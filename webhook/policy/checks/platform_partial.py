"""The image should exist for every platform its pod may land on.

Looks at:  the platforms of the image, and those of all nodes that the pod may land on
Passes:    every node finds its platform; nothing is known of the nodes or of the image's platforms; a single
           manifest in an image volume, of which nothing is executed
Finds:     platform-partial (warn): on some of the nodes it would be pulled and run, on others not
Predicts:  on the other nodes: no match for platform in manifest sha256:…: not found, or, of a single manifest, exec
           format error. Whether the pod runs is the scheduler's luck
Fix:       build the image for the missing platforms, or keep the pod off those nodes (nodeSelector kubernetes.io/arch)
"""

from webhook.image.manifest import Index, Manifest
from webhook.policy.checks.options import CheckOptions
from webhook.policy.content import lacking, platforms_of, wanted
from webhook.policy.evidence import Evidence
from webhook.policy.finding import Code, Finding, FindingClass
from webhook.policy.remedy import build_for
from webhook.policy.wording import listed
from webhook.registry.resolution import Resolved
from webhook.workload.workload import Role


def check_platform_partial(evidence: Evidence, _: CheckOptions) -> Finding | None:
    """Report an image that fits some of the nodes only."""
    resolution, reference, nodes = evidence.resolution, evidence.reference, wanted(evidence)
    if reference is None or not isinstance(resolution, Resolved) or resolution.content is None:
        return None
    if evidence.image.role is Role.VOLUME and isinstance(resolution.content, Manifest):
        return None
    missing = lacking(resolution.content, nodes, strictly=isinstance(resolution.content, Index))
    if not missing or missing == nodes:
        return None
    absent = listed(sorted(map(str, missing)))
    return Finding(
        code=Code.PLATFORM_PARTIAL,
        cls=FindingClass.WARN,
        message=f"no image for {absent}, where the pod may also land.",
        brief=f" has no image for {absent}, where the pod may also land",
        fix=build_for(reference, missing, platforms_of(resolution.content)),
    )
