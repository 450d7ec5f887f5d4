"""A single manifest should be for the architecture of the nodes.

Looks at:  the platform in the config of an image that has no index, and the nodes that the pod may land on
Passes:    a node can run it; its config or the nodes are not known; image volumes, of which nothing is executed
Finds:     wrong-architecture (warn): nodes pull a single manifest whatever it was built for
Predicts:  the image is pulled, and the container dies: exec /app: exec format error; CrashLoopBackOff
Fix:       build the image for the nodes' platform, best as an index of all
"""

from webhook.image.manifest import Manifest
from webhook.policy.checks.options import CheckOptions
from webhook.policy.content import lacking, wanted
from webhook.policy.evidence import Evidence
from webhook.policy.finding import Code, Finding, FindingClass
from webhook.policy.remedy import build_for
from webhook.policy.wording import listed
from webhook.registry.resolution import Resolved
from webhook.workload.workload import Role


def check_wrong_architecture(evidence: Evidence, _: CheckOptions) -> Finding | None:
    """Report a single manifest that no node the pod may land on can run."""
    resolution, reference, nodes = evidence.resolution, evidence.reference, wanted(evidence)
    if reference is None or not isinstance(resolution, Resolved) or not isinstance(resolution.content, Manifest):
        return None
    if evidence.image.role is Role.VOLUME:
        return None
    manifest = resolution.content
    if not nodes or manifest.platform is None or lacking(manifest, nodes, strictly=False) != nodes:
        return None
    built, needed = str(manifest.platform), listed(sorted(map(str, nodes)))
    return Finding(
        code=Code.WRONG_ARCHITECTURE,
        cls=FindingClass.WARN,
        message=f"built for {built} only, nodes are {needed}: it is pulled and ends in exec format error.",
        brief=f" is built for {built}, nodes are {needed}",
        fix=build_for(reference, nodes, (manifest.platform,)),
    )
