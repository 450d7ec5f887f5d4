"""A check as a value: its code, its options, and the function that makes findings (pure)."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from webhook.policy.checks.options import CheckOptions
from webhook.policy.decision import ActiveCheck
from webhook.policy.evidence import Evidence
from webhook.policy.finding import Code, Finding, FindingClass
from webhook.policy.level import Level

Options = TypeVar("Options", bound=CheckOptions)


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One row of CHECKS.

    `cls`: the class of its findings. `off`: it runs only where a level is stated. `options`: the type of its options.
    `page`: the text of its manual page, see `manual.parse`.
    """

    code: Code
    cls: FindingClass
    options: type[CheckOptions]
    activate: Callable[[CheckOptions], ActiveCheck]
    page: str
    off: bool = False

    def runs(self, options: CheckOptions) -> bool:
        """Tell whether it is on with these options."""
        return not self.off if options.level is None else options.level is not Level.OFF


def check(
    code: Code,
    cls: FindingClass,
    function: Callable[[Evidence, Options], Finding | None],
    options: type[Options],
    *,
    off: bool = False,
) -> Check:
    """Make a Check of a function and the type of its options."""

    def activate(given: CheckOptions) -> ActiveCheck:
        if not isinstance(given, options):
            raise TypeError(f"{code}: options are {type(given).__name__}, not {options.__name__}")
        return ActiveCheck(code, partial(_call, function, given), of_cause=cls is not FindingClass.WARN)

    module = inspect.getmodule(function)
    page = inspect.cleandoc(module.__doc__ or "") if module is not None else ""
    return Check(code=code, cls=cls, options=options, activate=activate, page=page, off=off)


def _call(
    function: Callable[[Evidence, Options], Finding | None], options: Options, evidence: Evidence
) -> Finding | None:
    return function(evidence, options)
