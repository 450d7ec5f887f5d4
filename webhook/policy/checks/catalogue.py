"""All checks, in the order in which findings are told (pure)."""

from typing import Final

from webhook.policy.checks.broken_image import check_broken_image
from webhook.policy.checks.check import Check, check
from webhook.policy.checks.cluster_dns_name import ClusterDnsNameOptions, check_cluster_dns_name
from webhook.policy.checks.credentials_unavailable import check_credentials_unavailable
from webhook.policy.checks.denied_or_missing import check_denied_or_missing
from webhook.policy.checks.docker_hub_quota_low import DockerHubQuotaLowOptions, check_docker_hub_quota_low
from webhook.policy.checks.forbidden import check_forbidden
from webhook.policy.checks.image_not_found import check_image_not_found
from webhook.policy.checks.invalid_reference import check_invalid_reference
from webhook.policy.checks.latest_tag import LatestTagOptions, check_latest_tag
from webhook.policy.checks.never_pull_absent import check_never_pull_absent
from webhook.policy.checks.no_pull_secret import check_no_pull_secret
from webhook.policy.checks.not_a_registry import check_not_a_registry
from webhook.policy.checks.not_an_image import check_not_an_image
from webhook.policy.checks.not_verified import check_not_verified
from webhook.policy.checks.options import CheckOptions
from webhook.policy.checks.platform_mismatch import PlatformMismatchOptions, check_platform_mismatch
from webhook.policy.checks.platform_partial import check_platform_partial
from webhook.policy.checks.pull_secret_ignored import check_pull_secret_ignored
from webhook.policy.checks.pull_secret_malformed import check_pull_secret_malformed
from webhook.policy.checks.pull_secret_missing import check_pull_secret_missing
from webhook.policy.checks.pull_secret_no_match import check_pull_secret_no_match
from webhook.policy.checks.rate_limited import check_rate_limited
from webhook.policy.checks.registry_error import check_registry_error
from webhook.policy.checks.registry_unreachable import check_registry_unreachable
from webhook.policy.checks.tag_moved import check_tag_moved
from webhook.policy.checks.unauthorized import check_unauthorized
from webhook.policy.checks.unpinned_digest import check_unpinned_digest
from webhook.policy.checks.wrong_architecture import check_wrong_architecture
from webhook.policy.finding import Code, FindingClass

CHECKS: Final[tuple[Check, ...]] = (
    check(Code.INVALID_REFERENCE, FindingClass.FAIL, check_invalid_reference, CheckOptions),
    check(Code.IMAGE_NOT_FOUND, FindingClass.FAIL, check_image_not_found, CheckOptions),
    check(Code.DENIED_OR_MISSING, FindingClass.FAIL, check_denied_or_missing, CheckOptions),
    check(Code.UNAUTHORIZED, FindingClass.FAIL, check_unauthorized, CheckOptions),
    check(Code.NO_PULL_SECRET, FindingClass.FAIL, check_no_pull_secret, CheckOptions),
    check(Code.FORBIDDEN, FindingClass.FAIL, check_forbidden, CheckOptions),
    check(Code.PLATFORM_MISMATCH, FindingClass.FAIL, check_platform_mismatch, PlatformMismatchOptions),
    check(Code.WRONG_ARCHITECTURE, FindingClass.WARN, check_wrong_architecture, CheckOptions),
    check(Code.NOT_AN_IMAGE, FindingClass.FAIL, check_not_an_image, CheckOptions),
    check(Code.NEVER_PULL_ABSENT, FindingClass.WARN, check_never_pull_absent, CheckOptions),
    check(Code.PLATFORM_PARTIAL, FindingClass.WARN, check_platform_partial, CheckOptions),
    check(Code.CLUSTER_DNS_NAME, FindingClass.WARN, check_cluster_dns_name, ClusterDnsNameOptions),
    check(Code.BROKEN_IMAGE, FindingClass.FAIL, check_broken_image, CheckOptions),
    check(Code.LATEST_TAG, FindingClass.WARN, check_latest_tag, LatestTagOptions),
    check(Code.PULL_SECRET_MISSING, FindingClass.WARN, check_pull_secret_missing, CheckOptions),
    check(Code.PULL_SECRET_MALFORMED, FindingClass.FAIL, check_pull_secret_malformed, CheckOptions),
    check(Code.PULL_SECRET_IGNORED, FindingClass.WARN, check_pull_secret_ignored, CheckOptions),
    check(Code.PULL_SECRET_NO_MATCH, FindingClass.WARN, check_pull_secret_no_match, CheckOptions),
    check(Code.DOCKER_HUB_QUOTA_LOW, FindingClass.WARN, check_docker_hub_quota_low, DockerHubQuotaLowOptions),
    check(Code.UNPINNED_DIGEST, FindingClass.WARN, check_unpinned_digest, CheckOptions, off=True),
    check(Code.TAG_MOVED, FindingClass.WARN, check_tag_moved, CheckOptions, off=True),
    check(Code.RATE_LIMITED, FindingClass.ERROR, check_rate_limited, CheckOptions),
    check(Code.REGISTRY_UNREACHABLE, FindingClass.ERROR, check_registry_unreachable, CheckOptions),
    check(Code.REGISTRY_ERROR, FindingClass.ERROR, check_registry_error, CheckOptions),
    check(Code.NOT_A_REGISTRY, FindingClass.ERROR, check_not_a_registry, CheckOptions),
    check(Code.CREDENTIALS_UNAVAILABLE, FindingClass.ERROR, check_credentials_unavailable, CheckOptions),
    check(Code.NOT_VERIFIED, FindingClass.ERROR, check_not_verified, CheckOptions),
)
