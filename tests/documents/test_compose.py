"""Trees of YAML: values, places, bounds."""

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webhook.documents.compose import MAX_BYTES, MalformedDocument, compose
from webhook.documents.node import Leaf, locate, nearest, plain, text_at


def values(text: str | bytes) -> list[object]:
    return [plain(tree.root) for tree in compose(text.encode() if isinstance(text, str) else text)]


def one(text: str) -> object:
    (value,) = values(text)
    return value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        pytest.param("nginx:1.27", "nginx:1.27", id="plain"),
        pytest.param("'1.27'", "1.27", id="quoted number stays text"),
        pytest.param("!!str 1.27", "1.27", id="tagged number stays text"),
        pytest.param("!Ref x", "x", id="foreign tag leaves the text"),
        pytest.param("1.27", 1.27, id="float"),
        pytest.param("12", 12, id="int"),
        pytest.param("0x1F", 31, id="hexadecimal"),
        pytest.param("-0o17", -15, id="octal"),
        pytest.param("017", 15, id="octal of YAML 1.1"),
        pytest.param("0b11", 3, id="binary"),
        pytest.param("9" * 60, float("9" * 60), id="too long for an int"),
        pytest.param("9" * 5000, "9" * 5000, id="too long for any number"),
        pytest.param("22:30", "22:30", id="no base 60"),
        pytest.param("2026-01-01", "2026-01-01", id="dates stay text"),
        pytest.param("yes", True, id="yes"),
        pytest.param("Off", False, id="off"),
        pytest.param("~", None, id="null"),
        pytest.param("", None, id="empty"),
    ],
)
def test_scalars_are_what_kubectl_reads(text: str, value: object) -> None:
    assert one(f"a: {text}\n") == {"a": value}


def test_several_documents_and_empty_ones() -> None:
    assert values("---\n# only a comment\n---\na: 1\n---\n---\n- b\n...\n") == [{"a": 1}, ["b"]]


def test_aliases_and_merge_keys() -> None:
    assert one("x: &x {a: 1, b: 2}\nw: {<<: *x, b: 3}\nz: {<<: [{a: 7}, *x]}\nlist: &l [1]\nagain: *l\n") == {
        "x": {"a": 1, "b": 2},
        "w": {"a": 1, "b": 3},
        "z": {"a": 7, "b": 2},
        "list": [1],
        "again": [1],
    }


def test_json_is_read_as_the_yaml_that_it_is() -> None:
    value = {"a": "tab\t\u00e9\U0001f600", "b": [1, 2.5, None, True], "c": {}, "slash": "a/b"}
    assert one(json.dumps(value, indent="\t")) == value
    assert one(json.dumps(value, ensure_ascii=False)) == value


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_encodings(encoding: str) -> None:
    assert values("a: é\n".encode(encoding)) == [{"a": "é"}]


@pytest.mark.parametrize(
    ("text", "line", "column", "end_column"),
    [
        pytest.param("image: nginx\n", 1, 8, 13, id="plain"),
        pytest.param('# é\n"image" :   "nginx"\n', 2, 13, 20, id="quoted"),
        pytest.param('{"é": 1, "image":"nginx"}', 1, 18, 25, id="characters, not bytes"),
        pytest.param("a: &i nginx\nimage: *i\n", 1, 4, 12, id="an alias is where its anchor is"),
        pytest.param("image: !!str nginx\n", 1, 8, 19, id="with its tag"),
        pytest.param("\r\nimage: nginx\r\n", 2, 8, 13, id="CRLF"),
        pytest.param("image:\n  nginx\n", 2, 3, 8, id="on the next line"),
    ],
)
def test_every_scalar_knows_its_place(text: str, line: int, column: int, end_column: int) -> None:
    (tree,) = compose(text.encode())
    leaf = locate(tree.root, ("image",))
    assert isinstance(leaf, Leaf)
    assert leaf.value == "nginx"
    assert (leaf.span.line, leaf.span.column, leaf.span.end_column) == (line, column, end_column)


def test_finding_ones_way_in_a_tree() -> None:
    (tree,) = compose(b"spec:\n  containers:\n  - image: x\n")
    assert text_at(tree.root, "spec", "containers", 0, "image") == "x"
    assert text_at(tree.root, "spec", "containers", 1, "image") == ""
    assert text_at(tree.root, "spec", 0) == ""
    assert locate(tree.root, ("spec", "containers", "image")) is None
    assert nearest(tree.root, ("spec", "containers", 0, "name")).span.line == 3
    assert nearest(tree.root, ()) is tree.root


def test_braces_of_a_template_are_noticed() -> None:
    (tree,) = compose(b"kind: Pod\nimage: {{ .Values.image }}\n")
    assert tree.braces == 2


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        pytest.param(b"a: [\n", 2, "not valid YAML", id="open bracket"),
        pytest.param(b"a: 1\nb: 2: 3\n", 2, "mapping values are not allowed", id="two colons"),
        pytest.param(b"a: 1\n\tb: 2\n", 2, "not valid YAML", id="tab"),
        pytest.param(b"a: \x01", 1, "control characters are not allowed", id="control character"),
        pytest.param(b"a: 1\nb: \xff\n", 2, "not utf-8 text", id="not text"),
        pytest.param(b"a: *b\n", 1, "alias 'b' has no anchor", id="alias without anchor"),
        pytest.param(b"a: &a [*a]\n", 1, "alias 'a' refers to itself", id="cycle"),
        pytest.param(b"[" * 100_000, 1, "nested deeper than 100 levels", id="brackets"),
        pytest.param(b"- " * 100_000, 1, "nested deeper than 100 levels", id="dashes"),
        pytest.param(b"[" + b"1," * 1_000_001 + b"]", 1, "more than 1000000 values", id="too many values"),
        pytest.param(b"#" * (MAX_BYTES + 1), 1, "larger than 16 MiB", id="too large"),
    ],
)
def test_what_cannot_be_read_says_where_and_what_to_do(text: bytes, line: int, message: str) -> None:
    with pytest.raises(MalformedDocument, match=message) as raised:
        list(compose(text))
    assert raised.value.line == line
    assert "\n" not in str(raised.value)


def test_documents_before_a_broken_one_are_kept() -> None:
    trees = compose(b"a: 1\n---\nb: [\n")
    assert plain(next(trees).root) == {"a": 1}
    with pytest.raises(MalformedDocument):
        next(trees)


@pytest.mark.parametrize(
    "link",
    [
        pytest.param("[{0},{0},{0},{0},{0},{0},{0},{0},{0},{0}]", id="lists"),
        pytest.param("{{<<: {0}, k: {0}}}", id="merges"),
    ],
)
def test_a_bomb_of_aliases_is_refused_before_it_is_built(link: str) -> None:
    lines = ["a0: &a0 {x: y}"]
    lines += [f"a{n}: &a{n} {link.format(f'*a{n - 1}')}" for n in range(1, 90)]
    with pytest.raises(MalformedDocument, match="once its aliases are written out"):
        list(compose("\n".join(lines).encode()))


@given(st.binary(max_size=300) | st.text(alphabet="[]{}-:,?&*!|>'\"%@`#ab \n\t", max_size=120).map(str.encode))
def test_only_its_own_error_leaves_the_reader(data: bytes) -> None:
    with contextlib.suppress(MalformedDocument):
        for tree in compose(data):
            plain(tree.root)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers(-(10**15), 10**15) | st.text(st.characters(exclude_categories=["C"])),
        lambda inner: (
            st.lists(inner) | st.dictionaries(st.text(st.characters(exclude_categories=["C"]), max_size=9), inner)
        ),
        max_leaves=20,
    )
)
def test_json_comes_back_as_it_was(value: object) -> None:
    text = json.dumps({"value": value})
    assert values(text.replace('"<<"', '"< <"')) == [json.loads(text.replace('"<<"', '"< <"'))]
