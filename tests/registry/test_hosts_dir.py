"""A tree of hosts.toml files, found as containerd finds them."""

from pathlib import Path

import pytest

from webhook.registry.endpoint import Endpoint, Trust
from webhook.registry.hosts_dir import load


def _hosts(root: Path, name: str, text: str) -> Path:
    folder = root / name
    folder.mkdir(parents=True)
    (folder / "hosts.toml").write_text(text, encoding="utf-8")
    return folder


def _bases(endpoints: tuple[Endpoint, ...] | None) -> list[str] | None:
    return None if endpoints is None else [each.base for each in endpoints]


@pytest.mark.parametrize("name", ["reg.example_5000_", "reg.example:5000", "_default"])
def test_every_name_of_a_directory(tmp_path: Path, name: str) -> None:
    _hosts(tmp_path, name, '[host."https://m.example"]')
    tree = load([tmp_path])
    assert _bases(tree("reg.example:5000")) == ["https://m.example", "https://reg.example:5000"]
    assert tree.problems == ()


def test_the_first_name_wins(tmp_path: Path) -> None:
    _hosts(tmp_path, "_default", 'server = "https://c.example"')
    _hosts(tmp_path, "reg.example:5000", 'server = "https://b.example"')
    _hosts(tmp_path, "reg.example_5000_", 'server = "https://a.example"')
    tree = load([tmp_path])
    assert _bases(tree("reg.example:5000")) == ["https://a.example"]
    assert _bases(tree("other.example")) == ["https://c.example"]


def test_roots_in_turn_each_with_its_default(tmp_path: Path) -> None:
    _hosts(tmp_path / "one", "a.example", 'server = "https://one.example"')
    _hosts(tmp_path / "two", "a.example", 'server = "https://two.example"')
    _hosts(tmp_path / "two", "_default", 'server = "https://default.example"')
    tree = load([tmp_path / "one", tmp_path / "two"])
    assert _bases(tree("a.example")) == ["https://one.example"]
    assert _bases(tree("b.example")) == ["https://default.example"]


def test_a_registry_that_the_tree_does_not_speak_of(tmp_path: Path) -> None:
    _hosts(tmp_path, "a.example", "")
    assert load([tmp_path])("b.example") is None


def test_an_unreadable_file_is_told_and_the_certificates_are_taken(tmp_path: Path) -> None:
    folder = _hosts(tmp_path, "reg.example", "server = [")
    for name in ("ca.crt", "client.cert", "client.key", "alone.cert", "readme"):
        (folder / name).write_text("pem", encoding="utf-8")
    tree = load([tmp_path])
    (endpoint,) = tree("reg.example") or ()
    assert endpoint.base == "https://reg.example"
    assert endpoint.trust == Trust(
        ca_files=(f"{folder}/ca.crt",),
        clients=((f"{folder}/alone.cert", ""), (f"{folder}/client.cert", f"{folder}/client.key")),
    )
    (problem,) = tree.problems
    assert problem.startswith(f"{folder}/hosts.toml: not TOML")
    assert problem.endswith("containerd goes on without it")


@pytest.mark.parametrize("data", [b"\xff\xfe", b"#" * (256 * 1024 + 1)], ids=["not UTF-8", "too large"])
def test_files_that_nobody_reads(tmp_path: Path, data: bytes) -> None:
    folder = _hosts(tmp_path, "reg.example", "")
    (folder / "hosts.toml").write_bytes(data)
    tree = load([tmp_path])
    assert _bases(tree("reg.example")) == ["https://reg.example"]
    assert len(tree.problems) == 1


def test_files_are_found_in_the_copy_by_their_place_on_a_node(tmp_path: Path) -> None:
    ca = "/etc/containerd/certs.d/reg.example/ca.crt"
    folder = _hosts(tmp_path, "reg.example", f'ca = ["{ca}", "gone.crt"]')
    (folder / "ca.crt").write_text("pem", encoding="utf-8")
    tree = load([tmp_path])
    (endpoint,) = tree("reg.example") or ()
    assert endpoint.trust.ca_files == (f"{folder}/ca.crt", f"{folder}/gone.crt")
    assert tree.problems == (f"{tmp_path}: certificate file '{folder}/gone.crt' is not there",)


def test_a_root_that_is_not_there(tmp_path: Path) -> None:
    tree = load([tmp_path / "none"])
    assert tree("a.example") is None
    assert "cannot be read" in tree.problems[0]


def test_a_mounted_config_map(tmp_path: Path) -> None:
    data = tmp_path / "..2026_01_01"
    _hosts(data, "reg.example", 'server = "https://up.example"')
    (tmp_path / "..data").symlink_to(data, target_is_directory=True)
    (tmp_path / "reg.example").symlink_to("..data/reg.example", target_is_directory=True)
    tree = load([tmp_path])
    assert _bases(tree("reg.example")) == ["https://up.example"]
    assert tree.problems == ()
