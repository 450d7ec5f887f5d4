"""Few pulls should not be what is left of the registry's window.

Looks at:  the ratelimit-limit and ratelimit-remaining headers that Docker Hub sends with every answer
Passes:    enough is left; the registry names no limit (paid accounts); none is left (then it is rate-limited)
Finds:     docker-hub-quota-low (warn): the count is that of the checker's address or login; nodes behind the same
           address share it
Predicts:  soon 429 Too Many Requests: toomanyrequests: You have reached your unauthenticated pull rate limit
Fix:       pull with a login (200 pulls in 6 hours instead of 100 for the address), a paid account, or a mirror
"""

from typing import Annotated

from msgspec import Meta

from webhook.policy.checks.options import CheckOptions
from webhook.policy.evidence import Evidence
from webhook.policy.finding import Code, Finding, FindingClass
from webhook.policy.remedy import create_secret, free_name
from webhook.policy.wording import duration, registry


class DockerHubQuotaLowOptions(CheckOptions, frozen=True, kw_only=True):
    """`percent`: warn when no more than this part of the window's pulls is left."""

    percent: Annotated[int, Meta(ge=1, le=100)] = 10


def check_docker_hub_quota_low(evidence: Evidence, options: DockerHubQuotaLowOptions) -> Finding | None:
    """Report that the window's pulls are nearly used up."""
    quota = evidence.resolution.quota if evidence.resolution is not None else None
    if evidence.reference is None or quota is None or quota.remaining <= 0:
        return None
    if quota.remaining * 100 > quota.limit * options.percent:
        return None
    name = free_name(evidence.reference, evidence.pull_secrets)
    login = create_secret(evidence.reference, evidence.workload.namespace, name)
    return Finding(
        code=Code.DOCKER_HUB_QUOTA_LOW,
        cls=FindingClass.WARN,
        message=f"{registry(evidence)} leaves {quota.remaining} of {quota.limit} pulls in {duration(quota.window)}.",
        brief=f": few pulls are left at {registry(evidence)} in this window",
        fix=f"pull with a login or through a mirror: {login}",
    )
