"""The options of every check, as one section of the configuration, derived from CHECKS (pure)."""

from collections.abc import Mapping
from typing import Final, Self

import msgspec

from webhook.policy.checks.catalogue import CHECKS
from webhook.policy.checks.options import CheckOptions
from webhook.policy.finding import Code

SECTION: Final = msgspec.defstruct(
    "Checks",
    [(check.code.name.lower(), check.options, msgspec.field(default=check.options())) for check in CHECKS],
    rename="kebab",
    frozen=True,
    forbid_unknown_fields=True,
    namespace={"__doc__": "What is looked for, by code: the level at which it acts, and what it needs to know."},
)
"""`checks:` as msgspec sees it; a type made at run time, so CheckTable carries its values."""


class CheckTable:
    """Each code with its options; immutable."""

    __slots__ = ("_options",)

    def __init__(self, options: Mapping[Code, CheckOptions] | None = None) -> None:
        """Take the default options where none are given."""
        given = options or {}
        self._options = {check.code: given.get(check.code, check.options()) for check in CHECKS}

    def __getitem__(self, code: Code) -> CheckOptions:
        """Return the options of one check."""
        return self._options[code]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, CheckTable) and self._options == other._options

    def __hash__(self) -> int:
        return hash(tuple(self._options.items()))

    def __repr__(self) -> str:
        stated = {code.value: options for code, options in self._options.items() if options != type(options)()}
        return f"CheckTable({stated!r})"

    @classmethod
    def decode(cls, value: object) -> Self:
        """Raise ValueError, with a path, unless the value is a section `checks:`."""
        try:
            section = msgspec.convert(value, SECTION, strict=False)
        except msgspec.ValidationError as error:
            raise ValueError(str(error)) from error
        return cls({check.code: getattr(section, check.code.name.lower()) for check in CHECKS})

    def encode(self) -> msgspec.Struct:
        """Return it as the section that it was read from."""
        return SECTION(**{code.name.lower(): options for code, options in self._options.items()})
