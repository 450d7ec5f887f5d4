"""Five hundred images of twenty registries, by the real program over real sockets, in front of a terminal."""

import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

if TYPE_CHECKING:
    from internet import Internet

REGISTRIES, EACH = 20, 25
IMAGES = [f"reg{number % REGISTRIES:02}.test/team/app{number // REGISTRIES}:1" for number in range(REGISTRIES * EACH)]
SILENT = "reg07.test"
_PROGRESS = re.compile(r"\r\x1b\[K(\d+) of (\d+) objects checked")


def world(folder: Path, *rules: dict[str, Any]) -> Path:
    """Twenty registries that have every image but one in ten."""
    repositories: dict[str, list[dict[str, Any]]] = {}
    for number, image in enumerate(IMAGES):
        host, _, rest = image.partition("/")
        tags = {"2" if number % 10 == 3 else "1": {}}
        repositories.setdefault(host, []).append({"name": rest.removesuffix(":1"), "tags": tags})
    sites = [{"hosts": [host], "repositories": found} for host, found in repositories.items()]
    script = folder / "world.yaml"
    script.write_text(yaml.safe_dump({"sites": sites, "rules": list(rules)}))
    return script


def manifests(folder: Path, images: Sequence[str] = IMAGES) -> Path:
    """A pod an image, in their order."""
    pods = [
        {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": f"p{n}"}, "spec": {"containers": [{"image": image}]}}
        for n, image in enumerate(images)
    ]
    file = folder / "pods.yaml"
    file.write_text(yaml.safe_dump_all(pods))
    return file


class Watched:
    """The program with a terminal as its standard error, read as it comes."""

    def __init__(self, net: "Internet", *argv: str | Path) -> None:
        self._screen, theirs = pty.openpty()
        command = net.command(sys.executable, "-m", "webhook", *argv)
        environ = net.environ(TERM="xterm")
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=theirs, env=environ, text=True)
        os.close(theirs)
        self.seen = ""

    def look(self) -> bool:
        """Read what has come on the screen; False once the program has ended and all is read."""
        ready, _, _ = select.select([self._screen], [], [], 60)
        try:
            part = os.read(self._screen, 65536) if ready else b""
        except OSError:  # how Linux says that nobody has the other end open
            part = b""
        self.seen += part.decode()
        return bool(part)

    def end(self) -> tuple[int, str]:
        """Wait for the end; return the exit code and what was printed."""
        with self.process as process:
            assert process.stdout is not None
            printed = process.stdout.read()
            while self.look():
                pass
        os.close(self._screen)
        return process.returncode, printed

    @property
    def done(self) -> list[int]:
        return [int(found[1]) for found in _PROGRESS.finditer(self.seen)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("many")


def test_all_are_looked_up_side_by_side_in_front_of_a_terminal(
    opened: "Callable[[Path], Internet]", folder: Path
) -> None:
    net = opened(world(folder))
    watched = Watched(net, "check", manifests(folder), "-o", "json", *net.patient)
    code, printed = watched.end()
    found = json.loads(printed)["images"]
    assert (code, [each["image"] for each in found]) == (1, IMAGES)
    wrong = [each["image"] for each in found if each["verdict"] == "fail"]
    assert wrong == [image for number, image in enumerate(IMAGES) if number % 10 == 3]
    assert watched.done == sorted(watched.done)
    assert len(watched.done) > REGISTRIES
    assert {found[2] for found in _PROGRESS.finditer(watched.seen)} == {str(len(IMAGES))}
    assert watched.seen.endswith("\r\x1b[K")  # no half line is left on the screen


def test_an_interrupt_prints_what_is_known(opened: "Callable[[Path], Internet]", folder: Path) -> None:
    net = opened(world(folder, {"host": SILENT, "fault": "hang"}))
    watched = Watched(net, "check", manifests(folder), "-o", "json", *net.patient)
    answering = len(IMAGES) - EACH
    while (not watched.done or watched.done[-1] < answering // 2) and watched.look():
        pass
    watched.process.send_signal(signal.SIGINT)
    code, printed = watched.end()
    found = [each["image"] for each in json.loads(printed)["images"]]
    assert code == 130
    assert answering // 2 <= len(found) <= answering
    assert found == [image for image in IMAGES if image in set(found)]
    assert not any(image.startswith(SILENT) for image in found)
    assert f"pullproof: interrupted: {len(found)} of {len(IMAGES)} objects checked" in watched.seen


def test_each_image_is_asked_for_once(opened: "Callable[[Path], Internet]", folder: Path) -> None:
    net = opened(world(folder))
    some = IMAGES[: REGISTRIES * 2]
    assert (
        net.run("check", manifests(folder, [image for image in some for _ in range(3)]), *net.patient).returncode == 1
    )
    net.close()
    heads = [line.split()[1:3] for line in net.asked.read_text().splitlines() if line.startswith("HEAD")]
    assert sorted(f"{host}{path}" for host, path in heads) == sorted(
        image.replace("/", "/v2/", 1).replace(":", "/manifests/") for image in some
    )
