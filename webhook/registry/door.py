"""Decide which addresses of a host may be connected to (I/O only through the `Names` it is given)."""

import asyncio
import socket
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from webhook.registry.address import Address, AddressRules, parse_address
from webhook.registry.names import Names, UnknownName

OnRefused = Callable[[str, Address, str], None]
"""Told of every address that was not connected to: host, address, reason."""


class Refused(Exception):
    """The rules refuse every address of the host."""


@dataclass(frozen=True, slots=True)
class Door:
    """The rules, how names are looked up, and who is told of refusals."""

    rules: AddressRules
    names: Names
    on_refused: OnRefused

    async def passing(self, host: str, *, deadline: float | None) -> list[Address]:
        """Look `host` up and return those of its addresses that pass, best first, never none.

        Raises `UnknownName` (also when `deadline`, in loop time, comes first) and `Refused`.
        """
        try:
            async with asyncio.timeout_at(deadline):
                texts = await self.names.addresses(host)
        except TimeoutError as error:
            raise UnknownName("i/o timeout") from error
        return self.judge(host, (address for text in texts if (address := parse_address(text)) is not None))

    def judge(self, host: str, addresses: Iterable[Address]) -> list[Address]:
        """Return those of `addresses` that pass; raise `Refused` if none does."""
        passing, reason = [], "no address"
        for address in addresses:
            refusal = self.rules.refusal(address)
            if refusal is None:
                passing.append(address)
            else:
                reason = refusal
                self.on_refused(host, address, refusal)
        if not passing:
            raise Refused(
                f"address rules refuse {host!r} ({reason}); if it is meant, name its network in network.allow"
            )
        return passing


def literal(host: str) -> Address | None:
    """Read a host that is an address, in any of the spellings that `inet_aton` takes; None for a name."""
    try:
        return parse_address(host) or parse_address(socket.inet_ntoa(socket.inet_aton(host)))
    except (OSError, UnicodeError):
        return None
