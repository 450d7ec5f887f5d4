"""The image must exist for a platform that its pod may land on.

Looks at:  the platforms in the image's index, and those of the nodes that the pod may land on (node selector,
           affinity, tolerated taints, os); or the platforms that the command line or the settings demand
Passes:    the index has one of them; an entry has no platform; nothing is known of the nodes; a single manifest, which
           nodes pull whatever it was built for (then it is wrong-architecture)
Finds:     platform-mismatch (fail; likely where only containerd before 2.1 would take another platform that the
           processor runs)
Predicts:  no match for platform in manifest (get image config descriptor: no match for platform in manifest sha256:…:
           not found; with containerd before 2.1 failed to pull and unpack image "X": no match for platform in
           manifest: not found); reason ErrImagePull
Fix:       build the image for the platform too, or choose nodes that it was built for
"""

from typing import Literal

from webhook.image.manifest import Index, Manifest
from webhook.image.platform import Platform
from webhook.policy.cause import caused_by
from webhook.policy.certainty import predicted
from webhook.policy.checks.options import CheckOptions
from webhook.policy.content import lacking, offers_any, platforms_of, wanted
from webhook.policy.evidence import Evidence
from webhook.policy.finding import Code, Finding
from webhook.policy.remedy import build_for
from webhook.policy.wording import listed
from webhook.registry.resolution import Resolved


class PlatformMismatchOptions(CheckOptions, frozen=True, kw_only=True):
    """`platforms`: `nodes`, or the platforms (`linux/arm64`) that every image must fit whatever the nodes are."""

    platforms: Literal["nodes"] | tuple[str, ...] = "nodes"

    def __post_init__(self) -> None:
        """Refuse a text that names no platform (`InvalidPlatform`, a ValueError)."""
        self.demanded()

    def demanded(self) -> frozenset[Platform]:
        """Return the platforms that are demanded; empty where the nodes decide."""
        if isinstance(self.platforms, str):
            return frozenset()
        return frozenset(Platform.parse(text) for text in self.platforms)


def check_platform_mismatch(evidence: Evidence, _: PlatformMismatchOptions) -> Finding | None:
    """Report an index without any platform that the pod could run on."""
    reference = caused_by(evidence, Code.PLATFORM_MISMATCH)
    resolution = evidence.resolution
    if reference is None or not isinstance(resolution, Resolved) or resolution.content is None:
        return None
    nodes = wanted(evidence)
    missing = listed(sorted(map(str, nodes)))
    offered = listed(sorted(map(str, platforms_of(resolution.content))))
    return predicted(
        evidence,
        Code.PLATFORM_MISMATCH,
        message=f"no image for {missing}; it has {offered or 'none at all'}.",
        brief=f" has no image for {missing}",
        fix=build_for(reference, nodes, platforms_of(resolution.content)),
        doubt=_doubt(resolution.content, nodes),
    )


def _doubt(content: Index | Manifest, nodes: frozenset[Platform]) -> str:
    """Say which nodes of these platforms would take the image all the same."""
    if offers_any(content, nodes):
        return "containerd before 2.1 takes another platform that the processor runs"
    if lacking(content, nodes, strictly=True) != nodes:
        return "a node may be configured for the os.features that the image wants"
    return ""
