"""Files, folders and standard input."""

import io
import os
from pathlib import Path

import pytest

from webhook.documents.files import STDIN, Found, TextFile, UnrenderedChart, find
from webhook.documents.source import Problem


def names(found: list[Found]) -> list[str]:
    return [one.name for one in found if isinstance(one, TextFile)]


def look(*paths: str | Path, stdin: bytes = b"") -> list[Found]:
    return list(find([str(path) for path in paths], io.BytesIO(stdin)))


def write(path: Path, text: str = "a: 1\n") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def test_a_folder_is_walked_in_the_order_of_its_names(tmp_path: Path) -> None:
    for name in ["b.yml", "a.yaml", "sub/c.json", "README.md", ".hidden.yaml", ".git/x.yaml", "node_modules/p.json"]:
        write(tmp_path / name)
    assert names(look(tmp_path)) == [f"{tmp_path}/a.yaml", f"{tmp_path}/b.yml", f"{tmp_path}/sub/c.json"]


def test_a_path_that_is_named_is_read_whatever_its_name(tmp_path: Path) -> None:
    (found,) = look(write(tmp_path / ".deploy.txt"))
    assert isinstance(found, TextFile)
    assert found.named
    assert found.data == b"a: 1\n"


def test_each_file_once(tmp_path: Path) -> None:
    file = write(tmp_path / "a.yaml")
    assert names(look(file, tmp_path, tmp_path / "." / "a.yaml")) == [str(file)]


def test_standard_input() -> None:
    (found,) = look("-", stdin=b"a: 1")
    assert found == TextFile(name=STDIN, data=b"a: 1", named=True)


def test_links_to_files_are_followed_and_loops_are_not(tmp_path: Path) -> None:
    write(tmp_path / "..data" / "real.yaml")
    (tmp_path / "linked.yaml").symlink_to(tmp_path / "..data" / "real.yaml")
    (tmp_path / "loop").symlink_to(tmp_path)
    assert names(look(tmp_path)) == [f"{tmp_path}/linked.yaml"]


def test_templates_of_a_chart_are_left_out_and_named(tmp_path: Path) -> None:
    for name in ["api/Chart.yaml", "api/values.yaml", "api/templates/d.yaml", "api/crds/c.yaml", "templates/own.yaml"]:
        write(tmp_path / name)
    found = look(tmp_path)
    assert UnrenderedChart(folder=f"{tmp_path}/api") in found
    assert [Path(name).name for name in names(found)] == ["Chart.yaml", "values.yaml", "c.yaml", "own.yaml"]


def test_a_pipe_is_read(tmp_path: Path) -> None:
    read, write_end = os.pipe()
    os.write(write_end, b"a: 1\n")
    os.close(write_end)
    assert [one.data for one in look(f"/dev/fd/{read}") if isinstance(one, TextFile)] == [b"a: 1\n"]
    os.close(read)


@pytest.mark.parametrize("name", ["missing.yaml", "dangling.yaml"])
def test_what_is_not_there_says_what_to_do(tmp_path: Path, name: str) -> None:
    (tmp_path / "dangling.yaml").symlink_to(tmp_path / "nowhere")
    (found,) = look(tmp_path / name)
    assert isinstance(found, Problem)
    assert str(found) == f"{tmp_path}/{name}: no such file or folder; check the path"
