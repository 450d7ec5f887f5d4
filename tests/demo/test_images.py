import io
import json
import os
import subprocess
import tarfile

import pytest

from webhook.demo import programs
from webhook.demo.build import archive, build
from webhook.demo.images import ImageSpec, InvalidSpec

BUILDX = ImageSpec(platforms=("linux/amd64", "linux/arm64/v8"), attested=True)


def index(spec):
    return [entry.get("platform") for entry in json.loads(build("a", spec).top.data)["manifests"]]


def test_platforms_of_an_index():
    windows = ImageSpec(platforms=("windows(10.0.17763.1)/amd64", ""), index=True)
    assert index(windows) == [{"os": "windows", "architecture": "amd64", "os.version": "10.0.17763.1"}, None]
    unknown = {"os": "unknown", "architecture": "unknown"}
    arm = {"os": "linux", "architecture": "arm64", "variant": "v8"}
    assert index(BUILDX) == [{"os": "linux", "architecture": "amd64"}, unknown, arm, unknown]
    assert index(ImageSpec(index=True, nested=True)) == [None]


def test_images_of_different_names_share_no_content():
    one, two = build("one", BUILDX), build("two", BUILDX)
    assert not one.manifests.keys() & two.manifests.keys()
    layers = {digest for digest, blob in one.blobs.items() if "tar" in blob.media_type}
    assert not layers & two.blobs.keys()


def test_the_same_description_is_the_same_image():
    assert build("one", BUILDX) == build("one", BUILDX)


def test_padding_makes_a_manifest_large():
    assert len(build("a", ImageSpec(padding=5_000_000)).top.data) > 5_000_000


def test_an_archive_names_its_image():
    image = build("a", ImageSpec())
    with tarfile.open(fileobj=io.BytesIO(archive(image, "docker.io/library/a:1"))) as tar:
        described = json.load(tar.extractfile("index.json"))["manifests"][0]
        assert described["annotations"] == {"io.containerd.image.name": "docker.io/library/a:1"}
        held = tar.extractfile("blobs/sha256/" + described["digest"].removeprefix("sha256:")).read()
    assert held == image.top.data


@pytest.mark.parametrize("platforms", [("amd64",), ("linux/",), (), ("a/b", "nope")])
def test_what_cannot_be_built(platforms):
    with pytest.raises(InvalidSpec):
        build("a", ImageSpec(platforms=platforms))


@pytest.mark.skipif(os.uname().machine != "x86_64", reason="the programs of this machine are another architecture's")
def test_the_programs_run(tmp_path):
    for name, data in (("exit", programs.leave("amd64")), ("pause", programs.pause("amd64"))):
        (tmp_path / name).write_bytes(data)
        (tmp_path / name).chmod(0o755)
    assert subprocess.run([tmp_path / "exit"], check=False).returncode == 0
    with subprocess.Popen([tmp_path / "pause"]) as waiting:
        with pytest.raises(subprocess.TimeoutExpired):
            waiting.wait(0.2)
        waiting.kill()
