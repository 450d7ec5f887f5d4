"""The way to a server, tried step by step: name, connection, TLS (I/O: sockets).

Only for telling a person: what a node could pull is found out by the client, which judges certificates as nodes do.
Here any certificate is looked at and none is trusted; nothing is sent. The address rules hold as for every connection.
"""

import asyncio
import os
import ssl
from collections.abc import Sequence
from dataclasses import replace

from cryptography import x509
from cryptography.x509.oid import NameOID

from webhook.registry.address import Address
from webhook.registry.door import Door, Refused, literal
from webhook.registry.names import UnknownName
from webhook.registry.proxy import Proxies
from webhook.registry.reach import Reach, Shown
from webhook.registry.url import InvalidUrl, Url

_PORTS = {"http": 80, "https": 443}
_MOST_ADDRESSES = 4
_MOST_NAMES = 20


class Probe:
    """Tries the ways to servers; `door` judges addresses, `proxies` tell where another goes for us."""

    def __init__(self, door: Door, proxies: Proxies) -> None:
        self._door = door
        self._proxies = proxies

    async def __call__(self, origin: str, deadline: float) -> Reach | None:
        """Try `scheme://host[:port]` until `deadline` (loop time); None for what is no such thing."""
        try:
            url = Url.parse(origin)
        except InvalidUrl:
            return None
        host, port = url.host.strip("[]"), url.port or _PORTS[url.scheme]
        reach = Reach(origin=url.origin, host=host, port=port)
        proxy = self._proxies.choose(url.scheme, url.host, port)
        if proxy is not None:
            return replace(reach, proxy=f"{proxy.scheme}://{proxy.host}:{proxy.port}")
        return await self._resolved(reach, deadline)

    async def _resolved(self, reach: Reach, deadline: float) -> Reach:
        address = literal(reach.host)
        try:
            found = (
                await self._door.passing(reach.host, deadline=deadline)
                if address is None
                else self._door.judge(reach.host, [address])
            )
        except (UnknownName, Refused) as error:
            return replace(reach, trouble=str(error))
        reach = replace(reach, addresses=tuple(map(str, found)) if address is None else ())
        return await _connected(reach, found[:_MOST_ADDRESSES], deadline)


async def _connected(reach: Reach, addresses: Sequence[Address], deadline: float) -> Reach:
    """Connect to the first address that lets us."""
    trouble = ""
    for address in addresses:
        try:
            async with asyncio.timeout_at(deadline):
                _, writer = await asyncio.open_connection(str(address), reach.port)
        except TimeoutError:
            return replace(reach, trouble=f"dial tcp {address}:{reach.port}: i/o timeout")
        except OSError as error:
            words = os.strerror(error.errno).lower() if error.errno else str(error)
            trouble = trouble or f"dial tcp {address}:{reach.port}: connect: {words}"
            continue
        try:
            reach = replace(reach, address=str(address))
            return await _shown(reach, writer, deadline) if reach.secure else reach
        finally:
            writer.transport.abort()
    return replace(reach, trouble=trouble)


async def _shown(reach: Reach, writer: asyncio.StreamWriter, deadline: float) -> Reach:
    """Look at the certificate."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    try:
        async with asyncio.timeout_at(deadline):
            await writer.start_tls(context, server_hostname=reach.host)
    except TimeoutError:
        return replace(reach, trouble="net/http: TLS handshake timeout")
    except (ssl.SSLError, OSError) as error:
        words = getattr(error, "reason", "") or error.strerror or "the connection was closed"
        return replace(reach, trouble=f"no TLS: {words.replace('_', ' ').lower()}")
    session = writer.get_extra_info("ssl_object")
    encoded = session.getpeercert(binary_form=True) if session is not None else None
    return replace(reach, shown=_certificate(encoded)) if encoded else reach


def _certificate(encoded: bytes) -> Shown | None:
    try:
        certificate = x509.load_der_x509_certificate(encoded)
        names = _names(certificate)
        issuer = certificate.issuer
        told = [*issuer.get_attributes_for_oid(NameOID.COMMON_NAME), *issuer]
    except ValueError:  # whatever a stranger's certificate may hold
        return None
    return Shown(
        names=names[:_MOST_NAMES],
        issuer=str(told[0].value) if told else "",
        begins=certificate.not_valid_before_utc,
        ends=certificate.not_valid_after_utc,
    )


def _names(certificate: x509.Certificate) -> tuple[str, ...]:
    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return ()
    addresses = found.get_values_for_type(x509.IPAddress)
    return (*found.get_values_for_type(x509.DNSName), *map(str, addresses))
