"""What `pullproof image` prints of every registry's manners: writes docs/personalities.md (I/O: loopback only).

    python tests/personalities [--page FILE]

Each personality of the scripted registry (`webhook/demo/personality.py`) is served on a loopback port, and a hosts.toml
tree says that its real name is to be asked for there. The command is the real one; what it prints is kept as it is.
"""

import argparse
import asyncio
import base64
import json
import os
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import msgspec

from webhook.demo.authority import Authority
from webhook.demo.images import ImageSpec
from webhook.demo.personality import PERSONALITIES, Scheme
from webhook.demo.server import Server
from webhook.demo.site import Repository, Site
from webhook.demo.world import Listener, World

NAMES = {
    "open": "open.corp.example",
    "basic": "basic.corp.example",
    "bearer": "bearer.corp.example",
    "ecr": "123456789012.dkr.ecr.us-east-1.amazonaws.com",
    "gar": "europe-docker.pkg.dev",
    "acr": "acme.azurecr.io",
    "harbor": "harbor.corp.example",
    "gitlab": "registry.gitlab.com",
    "artifactory": "acme.jfrog.io",
    "artifactory-basic": "artifactory.corp.example",
}
"""Personalities that are not called by their registry's name."""

TAGS = {"1.0": ImageSpec(), "1.1": ImageSpec()}
REPOSITORIES = (
    Repository(name="acme/app", tags=TAGS),
    Repository(name="acme/private", public=False, readers=("reader",), tags=TAGS),
)
USERS = {"reader": "right", "other": "right"}
OPEN, PRIVATE = ("acme/app:1.0", "acme/app:2.0", "acme/nothing:1.0"), "acme/private:1.0"
LOGINS = {"": "nobody logged in", "reader:right": "a login that may read it", "other:right": "a login that may not"}
LOGINS["reader:wrong"] = "a wrong password"


@dataclass(frozen=True, slots=True)
class Served:
    """One personality under its name, and where it is served."""

    personality: str
    name: str
    port: int


def main() -> int:
    options = argparse.ArgumentParser(prog="personalities", description=__doc__)
    options.add_argument("--page", type=Path, default=Path("docs/personalities.md"))
    page = options.parse_args().page
    with tempfile.TemporaryDirectory() as folder:
        page.write_text("\n".join(asyncio.run(tell(Path(folder)))) + "\n")
    return 0


async def tell(folder: Path) -> list[str]:
    """Serve all of them, ask for everything, and return the page."""
    (folder / "authority").mkdir()
    authority, world = Authority(folder / "authority"), World()
    server = Server(world, authority)
    lines = list(_HEAD)
    try:
        for personality in PERSONALITIES:
            name = NAMES.get(personality, personality)
            each = Served(personality, name, await server.listen(Listener()))
            world.add(_site(each))
            _hosts(folder / "certs.d" / each.name, each.port, authority.file)
            (folder / "config.yaml").write_text(f"nodes: {{logins: unknown, hostsDir: {folder / 'certs.d'}}}\n")
            lines += await _told(folder, each)
    finally:
        await server.close()
    return lines


def _site(each: Served) -> Site:
    manners = PERSONALITIES[each.personality]
    if manners.scheme is Scheme.BEARER:
        manners = msgspec.structs.replace(manners, realm="https://$host/token")
    manners = msgspec.structs.replace(manners, blob_redirect="", manifest_redirect="")
    return Site(hosts=(f"localhost:{each.port}",), personality=manners, users=USERS, repositories=REPOSITORIES)


def _hosts(folder: Path, port: int, ca: Path) -> None:
    folder.mkdir(parents=True)
    (folder / "hosts.toml").write_text(f'server = "https://localhost:{port}"\nca = "{ca}"\n')


async def _told(folder: Path, each: Served) -> list[str]:
    title = each.name if each.name == each.personality else f"{each.name} ({each.personality})"
    lines = [f"## {title}", "", "```console"]
    for login, words in LOGINS.items():
        asked = (*OPEN, PRIVATE) if login in ("", "reader:right") else (PRIVATE,)
        images = [f"{each.name}/{image}" for image in asked]
        short = f"{{{','.join(asked)}}}" if len(asked) > 1 else asked[0]
        lines.append(f"$ pullproof image {each.name}/{short}   # {words}")
        lines += await _printed(folder, each, login, images)
    return [*lines, "```", ""]


async def _printed(folder: Path, each: Served, login: str, images: list[str]) -> list[str]:
    docker = folder / "docker"
    docker.mkdir(exist_ok=True)
    auths = {each.name: {"auth": base64.b64encode(login.encode()).decode()}} if login else {}
    (docker / "config.json").write_text(json.dumps({"auths": auths}))
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "DOCKER_CONFIG": str(docker), "NO_COLOR": "1"}
    command = (sys.executable, "-m", "webhook", "image", "--config", str(folder / "config.yaml"), *images)
    process = await asyncio.create_subprocess_exec(
        *command, env=environment, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    out, _ = await process.communicate()
    printed = out.decode().replace(f"localhost:{each.port}", each.name).replace(str(docker), "~/.docker")
    return printed.rstrip().splitlines()


_HEAD = (
    "# What is said of each registry",
    "",
    "Written by `make personalities`; do not edit. Every registry that the scripted registry can play",
    "(`webhook/demo/personality.py` says what is known of each) is asked for the same images by the real",
    "command, with its real name: `acme/app` is public and has the tags 1.0 and 1.1, `acme/private` is",
    "private, `acme/nothing` does not exist. Nothing is stated of the nodes' logins (`nodes.logins: unknown`).",
    "A login is one in `~/.docker/config.json`, after which the command tries without one.",
    "",
)

if __name__ == "__main__":
    sys.exit(main())
