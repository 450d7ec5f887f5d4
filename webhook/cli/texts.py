"""Texts and flags on the command line are taken as they are.

Typer builds a pydantic adapter for every option before it runs a command, which costs more time than all else that
`pullproof image` does here. An option that is declared as `str`, `list[str]` or `bool` needs none; nor does a help say
more by `<list[str]>`. Where typer works otherwise, this does nothing.
"""

from collections.abc import Iterable

_PLAIN = (str, list[str], bool)
_ATTRIBUTE = "_runtime_param"
_TYPE = "display_type"


class _AsItIs:
    """Stands where typer would put its adapter (`typer.core.TyperOption.get_runtime_param`)."""

    def coerce(self, value: object, *, param: object, ctx: object) -> object:
        """Return the value; what comes of several is a list."""
        del param, ctx
        return list(value) if isinstance(value, tuple) else value


def _no_type(ctx: object) -> None:
    """Stand where typer would name a parameter's type (`typer.core.TyperParameter.display_type`)."""
    del ctx


def take_texts(parameters: Iterable[object]) -> None:
    """Spare the parameters that hold texts or flags their adapters."""
    for parameter in parameters:
        kind = getattr(getattr(parameter, "type_descriptor", None), "annotation", None)
        if kind in _PLAIN and hasattr(parameter, _ATTRIBUTE):
            vars(parameter)[_ATTRIBUTE] = _AsItIs()
            vars(parameter)[_TYPE] = _no_type
