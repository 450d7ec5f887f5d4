import pytest
from hypothesis import given
from hypothesis import strategies as st

from webhook.registry.nearest import MOST, nearest_tags


@pytest.mark.parametrize(
    ("wanted", "tags", "nearest"),
    [
        ("1.4.2", "1.4.0 1.4.1 1.3.9 11.4.2 latest", ("1.4.1", "1.4.0", "1.3.9")),
        ("1.4.2", "1.4.3 1.4.1", ("1.4.3", "1.4.1")),
        ("1.4.9", "1.4.10 1.4.7 1.5.0", ("1.4.10", "1.4.7", "1.5.0")),
        ("1.4", "1.4.1 1.4.0 1.3", ("1.4.0", "1.4.1", "1.3")),
        ("v1.2.3", "1.2.3 v1.2.2", ("v1.2.2", "1.2.3")),
        ("1.2.3", "v1.2.3", ("v1.2.3",)),
        ("1.25.3-alpin", "1.25.3-alpine 1.25.3 latest", ("1.25.3-alpine", "1.25.3")),
        ("3.12-slm", "3.12-slim 3.11-slim", ("3.12-slim", "3.11-slim")),
        ("1.24-alpine", "1.25-alpine 1.24 1.24-slim", ("1.25-alpine", "1.24", "1.24-slim")),
        ("lates", "latest stable", ("latest",)),
        ("latest", "1.0 1.10 1.9 v1.2 2.0-rc1 main nightly", ("1.10", "1.9", "v1.2")),
        ("latest", "1.0 latests", ("latests",)),
        ("stable", "1.0 1.1", ()),
        ("main", "mian release", ("mian",)),
        ("2024-01-15", "2024-01-14 2023-01-15", ("2024-01-14", "2023-01-15")),
        ("1.2.3", "", ()),
        ("1.2.3", "1.2.3", ()),  # pushed meanwhile
        ("1.2.3", "1.2.3.sig sha256-" + "a" * 64 + ".sig", ("1.2.3.sig",)),
        ("a" * 128, "a" * 127, ()),
    ],
)
def test_nearest(wanted, tags, nearest) -> None:
    assert nearest_tags(wanted, tags.split()) == nearest


@pytest.mark.parametrize(
    "tag", ["1.0\x1b[2J", "1.0\n", "-1.0", ".1", "1.0 ", "1" * 129, "1.0​", "１.0", "<b>1.0</b>", ""]
)
def test_only_what_can_be_a_tag_is_named(tag) -> None:
    assert nearest_tags("1.0", [tag]) == ()


tags = st.lists(st.text("0123456789.-abv", min_size=1, max_size=8), max_size=30)


@given(st.text(max_size=8), tags)
def test_it_names_few_and_only_what_exists(wanted, existing) -> None:
    nearest = nearest_tags(wanted, existing)
    assert len(nearest) <= MOST
    assert len(set(nearest)) == len(nearest)
    assert set(nearest) <= set(existing) - {wanted}


@given(st.lists(st.integers(0, 30), min_size=1, max_size=40), st.integers(0, 30))
def test_versions_may_be_taken_in_parts(numbers, wanted) -> None:
    existing = [f"1.{number}" for number in numbers]
    in_parts: tuple[str, ...] = ()
    for start in range(0, len(existing), 7):
        in_parts = nearest_tags(f"1.{wanted}", (*in_parts, *existing[start : start + 7]))
    assert in_parts == nearest_tags(f"1.{wanted}", existing)
