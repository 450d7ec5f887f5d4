"""Everything that the cases need outside Kubernetes: registries, names, mirrors, logins and images of the node (I/O).

One world of registries answers as every host of every case, on the node's own address; hosts that are to fail have
addresses of their own.
"""

import asyncio
import json
import os
import re
import signal
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path

from case import Arrival, Case, entry
from workload import BASE_IMAGE

from webhook.demo.build import archive
from webhook.demo.images import Image, ImageSpec
from webhook.demo.site import Repository, Site
from webhook.demo.world import Listener, Transport, World

NODE = "10.77.0.1"
PLAIN_HTTP, REFUSED, SILENT, RESETTING, DROPPED, NO_ROUTE = (f"10.77.0.{number}" for number in range(2, 8))
"""Where plain HTTP is spoken on 443; nobody listens; nobody speaks; connections are reset; packets are dropped; and an
address that no machine has."""

LISTENERS = (
    Listener(address=NODE, port=80, transport=Transport.PLAIN),
    Listener(address="127.0.0.1", port=5000, transport=Transport.PLAIN),
    Listener(address=PLAIN_HTTP, port=443, transport=Transport.PLAIN),
    Listener(address=SILENT, port=443, transport=Transport.SILENT),
    Listener(address=RESETTING, port=443, transport=Transport.RESET),
)


class InvalidCase(ValueError):
    """A case asks for what cannot be; the text names it."""


class Scene:
    """Puts up what the cases ask for, and knows their images' full texts."""

    def __init__(self, cluster: Path, cases: Iterable[Case], sites: Iterable[Site]) -> None:
        self._cluster = cluster
        self._cases = tuple(cases)
        registry, repository, tag = re.split("[/:]", BASE_IMAGE)
        base = Repository(name=repository, tags={tag: ImageSpec()})
        ports = {int(port) for case in self._cases for port in re.findall(r":(\d+)$", case.image.partition("/")[0])}
        tls = sorted({443, *(port for port in ports if port < 65536)} - {80})
        self.listeners = (*(Listener(address=NODE, port=port) for port in tls), *LISTENERS)
        self.world = World([*sites, Site(hosts=(registry,), repositories=(base,))])
        for case in self._cases:
            self._add(case)

    def image(self, case: Case) -> str:
        """Return the image's text with its digest filled in."""
        if "{digest}" not in case.image:
            return case.image
        return case.image.replace("{digest}", self._image(case).top.digest)

    def arrive(self, case: Case) -> None:
        """Add the repositories that come later."""
        for held in case.holds:
            if held.arrival is Arrival.LATER:
                for tag, spec in held.repository.tags.items():
                    self.world.registry(_host(held.host)).store.put(held.repository.name, tag, spec)

    async def put_up(self) -> None:
        """Give the node its addresses, names, mirrors, logins and images."""
        for address in (PLAIN_HTTP, REFUSED, SILENT, RESETTING, DROPPED):
            _run("ip", "addr", "add", f"{address}/24", "dev", "node0")
        _run("nft", "add table ip drops")
        _run("nft", "add chain ip drops in { type filter hook input priority 0; }")
        _run("nft", f"add rule ip drops in ip daddr {DROPPED} drop")
        self._write_names()
        self._write_mirrors()
        self._write_logins()
        await self.preload(unlisted=False)

    async def preload(self, *, unlisted: bool) -> list[str]:
        """Give the node its images, of one kind, and return their names."""
        cases = [case for case in self._cases if case.preloaded and case.unlisted is unlisted]
        for case in cases:
            await asyncio.to_thread(self._preload, case)
        return [case.preloaded for case in cases]

    def _add(self, case: Case) -> None:
        for site in case.sites:
            if site.hosts[0] not in self.world.hosts:
                self.world.add(site)
        for held in (held for held in case.holds if held.arrival is Arrival.FIRST):
            store = self.world.registry(_host(held.host)).store
            there = store.repository(held.repository.name)
            if there not in (None, held.repository):
                raise InvalidCase(
                    f"case {case.id!r}: {held.host}/{held.repository.name} is another one for another case"
                )
            if there is None:
                store.add(held.repository)
        for rule in case.rules:
            self.world.rule(rule)

    def _image(self, case: Case) -> Image:
        held = case.holds[0]
        return self.world.registry(_host(held.host)).store.image(held.repository.name, next(iter(held.repository.tags)))

    def _write_names(self) -> None:
        names = dict.fromkeys(self.world.hosts, NODE)
        for case in self._cases:
            names |= case.addresses
        name_hosts(self._cluster, {name: address for name, address in names.items() if re.search("[a-z]", name)})

    def _write_mirrors(self) -> None:
        for case in self._cases:
            for host, text in case.mirrors.items():
                folder = self._cluster / "hosts.d" / host
                folder.mkdir()
                (folder / "hosts.toml").write_text(text)

    def _write_logins(self) -> None:
        logins = {host: entry(*login) for case in self._cases for host, login in case.node_logins.items()}
        (self._cluster / "home/.docker/config.json").write_text(json.dumps({"auths": logins}))

    def _preload(self, case: Case) -> None:
        data = archive(self._image(case), case.preloaded)
        command = ["ctr", "-a", str(self._cluster / "containerd.sock"), "-n", "k8s.io", "images", "import", "-"]
        subprocess.run(command, input=data, check=True, capture_output=True)


def name_hosts(cluster: Path, names: Mapping[str, str]) -> None:
    """Let the cluster's name server know these names, and no others."""
    (cluster / "names").write_text("".join(f"{address} {name}\n" for name, address in names.items()))
    os.kill(int((cluster / "dns.pid").read_text()), signal.SIGHUP)


def _host(name: str) -> str:
    return re.sub(r":\d+$", "", name).lower()


def _run(*command: str) -> None:
    subprocess.run(command, check=True)
