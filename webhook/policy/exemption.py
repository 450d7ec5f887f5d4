"""Who and what is let off, by whom, why and until when (pure).

An exemption holds where every field that it gives holds; a field with several entries holds if one of them does.
Entries are globs (`*`, `?`, `[…]`, case counts, `*` crosses slashes). An annotation does the same for one code:

    ignore.pullproof.dev/latest-tag: "the vendor publishes no other"
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from fnmatch import fnmatchcase
from typing import Final

from webhook.image.reference import InvalidReference, Reference
from webhook.policy.finding import Code
from webhook.workload.workload import ContainerImage, Workload

IGNORE_PREFIX: Final = "ignore.pullproof.dev/"

_CODES: Final = {code.value: code for code in Code}


@dataclass(frozen=True, slots=True, kw_only=True)
class Exemption:
    """One exemption; empty fields do not restrict it.

    `workloads`: `name` or `Kind/name`. `images`: the text as written, or the full name with its tag. `checks`: empty
    for all. `expires`: the last day (UTC) on which it holds, None for ever.
    """

    reason: str
    namespaces: tuple[str, ...] = ()
    usernames: tuple[str, ...] = ()
    images: tuple[str, ...] = ()
    workloads: tuple[str, ...] = ()
    checks: frozenset[Code] = frozenset()
    expires: date | None = None

    def holds(self, workload: Workload, user: str, today: date) -> bool:
        """Tell whether it holds for this workload and user, images and checks aside."""
        return (
            (self.expires is None or today <= self.expires)
            and _fits(self.namespaces, (workload.namespace,))
            and _fits(self.usernames, (user,))
            and _fits(self.workloads, (workload.name, f"{workload.kind}/{workload.name}"))
        )

    def may_hold(self, workload: Workload, user: str, today: date) -> bool:
        """Tell whether it might hold for a partial workload, if what was not told of it were known."""
        return (
            (self.expires is None or today <= self.expires)
            and (not workload.namespace or _fits(self.namespaces, (workload.namespace,)))
            and (not user or _fits(self.usernames, (user,)))
        )

    def covers(self, image: ContainerImage) -> bool:
        """Tell whether it is about this image."""
        return not self.images or _fits(self.images, _names(image.image))

    def frees(self, code: Code) -> bool:
        """Tell whether it is about this check."""
        return not self.checks or code in self.checks

    @property
    def whole(self) -> bool:
        """True when it leaves nothing of a workload to judge."""
        return not self.images and not self.checks


def ignored_codes(annotations: Mapping[str, str]) -> Mapping[Code, str]:
    """Return the codes that annotations ignore, with their reasons; without a reason an annotation does not count."""
    return dict(_ignored(annotations))


def _ignored(annotations: Mapping[str, str]) -> Iterator[tuple[Code, str]]:
    for key, reason in annotations.items():
        code = _CODES.get(key.removeprefix(IGNORE_PREFIX)) if key.startswith(IGNORE_PREFIX) else None
        if code is not None and reason.strip():
            yield code, reason.strip()


def _fits(globs: tuple[str, ...], texts: Iterable[str]) -> bool:
    return not globs or any(fnmatchcase(text, glob) for text in texts for glob in globs)


def _names(image: str) -> tuple[str, ...]:
    try:
        return image, str(Reference.parse(image))
    except InvalidReference:
        return (image,)
