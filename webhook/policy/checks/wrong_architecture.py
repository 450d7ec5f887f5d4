"""A single manifest should be for the architecture of the nodes.

Looks at:  the platform in the config of an image that has no index, and the nodes that the pod may land on; of an
           image in an index only where asked (pullproof check --deep): what an index says of it is mostly so
Passes:    a node can run it; its config or the nodes are not known; image volumes, of which nothing is executed
Finds:     wrong-architecture (warn): nodes pull a single manifest whatever it was built for
Predicts:  the image is pulled, and the container dies: exec /app: exec format error; CrashLoopBackOff
Fix:       build the image for the nodes' platform, best as an index of all
"""

from webhook.image.manifest import Index, Manifest
from webhook.image.platform import Platform
from webhook.policy.checks.options import CheckOptions
from webhook.policy.content import built_otherwise, lacking, wanted
from webhook.policy.evidence import Evidence
from webhook.policy.finding import Code, Finding, FindingClass
from webhook.policy.remedy import build_for
from webhook.policy.wording import listed
from webhook.registry.resolution import Resolved
from webhook.workload.workload import Role


def check_wrong_architecture(evidence: Evidence, _: CheckOptions) -> Finding | None:
    """Report a single manifest that no node the pod may land on can run."""
    resolution, reference, nodes = evidence.resolution, evidence.reference, wanted(evidence)
    if reference is None or not isinstance(resolution, Resolved) or resolution.content is None:
        return None
    if evidence.image.role is Role.VOLUME or not nodes:
        return None
    platform = _unfit(resolution.content, nodes)
    if platform is None:
        return None
    built, needed = str(platform), listed(sorted(map(str, nodes)))
    return Finding(
        code=Code.WRONG_ARCHITECTURE,
        cls=FindingClass.WARN,
        message=f"built for {built} only, nodes are {needed}: it is pulled and ends in exec format error.",
        brief=f" is built for {built}, nodes are {needed}",
        fix=build_for(reference, nodes, (platform,)),
    )


def _unfit(content: Index | Manifest, nodes: frozenset[Platform]) -> Platform | None:
    """Return what the image was built for, where no node can run that."""
    if isinstance(content, Index):
        return built_otherwise(content, nodes)
    return (
        content.platform if content.platform is not None and lacking(content, nodes, strictly=False) == nodes else None
    )
