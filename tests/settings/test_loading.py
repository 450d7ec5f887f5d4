"""A file is read or refused in one line."""

from pathlib import Path

import pytest

from webhook.settings.decoding import InvalidSettings
from webhook.settings.loading import load
from webhook.settings.schema import OnUnknown


def test_load(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    path.write_text("onUnknown: deny\n", encoding="utf-8")
    assert load(path).on_unknown is OnUnknown.DENY


def test_the_error_names_file_and_line(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    path.write_text("\nonUnknown: denied\n", encoding="utf-8")
    with pytest.raises(InvalidSettings) as caught:
        load(path)
    assert str(caught.value) == f"{path}:2: onUnknown: 'denied' is not one of allow, deny"


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(InvalidSettings, match=r"gone\.yaml: cannot be read: no such file or directory"):
        load(tmp_path / "gone.yaml")


def test_a_directory(tmp_path: Path) -> None:
    with pytest.raises(InvalidSettings, match="cannot be read: is a directory"):
        load(tmp_path)


def test_a_file_that_is_no_text(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InvalidSettings, match="is no UTF-8 text"):
        load(path)
