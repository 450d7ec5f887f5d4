"""Settings -> Policy (pure)."""

from collections.abc import Callable
from datetime import date

from webhook.policy.checks.catalogue import CHECKS
from webhook.policy.checks.options import CheckOptions
from webhook.policy.checks.platform_mismatch import PlatformMismatchOptions
from webhook.policy.decision import ActiveCheck, Policy, utc_today
from webhook.policy.exemption import Exemption
from webhook.policy.finding import Code
from webhook.policy.level import Level, Mode
from webhook.policy.statements import Logins, Mirrors, Statements
from webhook.settings.schema import Exemption as ExemptionSettings
from webhook.settings.schema import LoginRegistries, OnUnknown, Settings, Switch


def policy_of(settings: Settings, *, today: Callable[[], date] = utc_today, deep: bool = False) -> Policy:
    """Return what the settings say of findings and verdicts; `deep` looks at layers too, unless that is turned off."""
    options = {check.code: settings.checks[check.code] for check in CHECKS}
    defaults = settings.defaults
    return Policy(
        checks=_active(options),
        levels={Mode.ENFORCE: defaults.enforce, Mode.WARN: defaults.warn, Mode.AUDIT: defaults.audit},
        check_levels={code: given.level for code, given in options.items() if given.level is not None},
        enforcing=settings.enforce is Switch.ON,
        enforce_on=frozenset(settings.enforce_on),
        unknown_denies=settings.on_unknown is OnUnknown.DENY,
        ignores_deny=settings.ignore_annotations.enforce,
        exemptions=tuple(map(_exemption, settings.exemptions)),
        break_glass_users=frozenset(settings.break_glass.users),
        statements=statements_of(settings),
        deep=looks_deep(settings, deep=deep),
        today=today,
    )


def looks_deep(settings: Settings, *, deep: bool = False) -> bool:
    """Tell whether configs and layers are looked for: by `deep` or where the check has a level, unless that is off."""
    level = settings.checks[Code.BROKEN_IMAGE].level
    return level is not Level.OFF and (deep or level is not None)


def statements_of(settings: Settings) -> Statements:
    """Return what the operator states about the nodes."""
    nodes, platforms = settings.nodes, settings.checks[Code.PLATFORM_MISMATCH]
    logins = nodes.logins
    return Statements(
        logins=logins.registries if isinstance(logins, LoginRegistries) else Logins(logins),
        mutators=nodes.pod_mutators,
        harmless_mutators=nodes.harmless_mutators,
        runtime=nodes.runtime,
        mirrors_declared=nodes.mirrors is Mirrors.DECLARED or bool(nodes.hosts_dir),
        registries=tuple(registry.options() for registry in settings.registries if registry.mirrors),
        placeholders=nodes.placeholders,
        platforms=platforms.demanded() if isinstance(platforms, PlatformMismatchOptions) else frozenset(),
    )


def _active(options: dict[Code, CheckOptions]) -> tuple[ActiveCheck, ...]:
    return tuple(check.activate(options[check.code]) for check in CHECKS if check.runs(options[check.code]))


def _exemption(given: ExemptionSettings) -> Exemption:
    return Exemption(
        reason=given.reason,
        namespaces=given.namespaces,
        usernames=given.usernames,
        images=given.images,
        workloads=given.workloads,
        checks=frozenset(given.checks),
        expires=given.expires,
    )
