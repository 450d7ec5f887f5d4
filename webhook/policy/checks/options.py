"""What a check can be told (pure)."""

import msgspec

from webhook.policy.decision import Level


class CheckOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """What every check can be told.

    `level` is the lowest level of a mode at which this check acts, `off` for never. Left out, a fail acts from
    `baseline` on and a warning at `strict`, and of the warnings only the tag policies deny; stated, it holds for
    denials too.
    """

    level: Level | None = None
