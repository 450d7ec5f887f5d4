"""Files -> workloads, with the place of every image, and the Secrets and ServiceAccounts beside them.

Every document that is a Kubernetes object (`apiVersion` and `kind`) counts; Lists are opened. What is YAML but no such
object (values files, kustomizations without a kind, compose files) is counted and left alone. What cannot be read
becomes a `Problem`, and the rest is read all the same.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import BinaryIO

from webhook.documents.comments import InvalidIgnore, ignores_on
from webhook.documents.compose import MalformedDocument, Tree, compose
from webhook.documents.files import TextFile, UnrenderedChart, find
from webhook.documents.node import Branch, Leaf, Node, Row, Span, nearest, plain, text_at
from webhook.documents.source import ManifestAccount, ManifestSecret, Problem, Source, SourcedWorkload
from webhook.documents.stored import InvalidSecret, account_of, secret_of
from webhook.workload.decoding import MalformedObject
from webhook.workload.extract import workloads_of
from webhook.workload.fieldpath import InvalidPath, Step, parse_path
from webhook.workload.workload import ContainerImage, Workload

UNRENDERED = "a template that was not rendered; render it first: `helm template CHART | pullproof check -`"

# what Go templates begin with, and Argo's own `{{inputs.parameters.tag}}`, which is filled in by a controller, does not
_GO_TEMPLATE = re.compile(
    r"\{\{-?\s*(?:[.$\"(/]|(?:if|else|end|range|with|include|template|define|block|toYaml|default|printf|tpl|required)\b)"
)


@dataclass(slots=True, kw_only=True)
class Documents:
    """What the paths hold. `skipped`: documents that are no Kubernetes objects. `charts`: unrendered ones."""

    workloads: list[SourcedWorkload] = field(default_factory=list)
    secrets: list[ManifestSecret] = field(default_factory=list)
    accounts: list[ManifestAccount] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    charts: list[str] = field(default_factory=list)
    files: int = 0
    objects: int = 0
    skipped: int = 0


def read(paths: Sequence[str], stdin: BinaryIO, *, namespace: str) -> Documents:
    """Read all paths; objects that name no namespace are in `namespace`."""
    documents = Documents()
    for found in find(paths, stdin):
        match found:
            case Problem():
                documents.problems.append(found)
            case UnrenderedChart():
                documents.charts.append(found.folder)
            case TextFile():
                documents.files += 1
                _File(found, documents, namespace).read()
    return documents


@dataclass(frozen=True, slots=True)
class _Object:
    """One Kubernetes object of a file."""

    node: Branch
    api_version: str
    kind: str


class _File:
    """One file on its way into the documents."""

    def __init__(self, file: TextFile, documents: Documents, namespace: str) -> None:
        self._name = file.name
        self._file = file
        self._into = documents
        self._namespace = namespace

    def read(self) -> None:
        data = self._file.data
        if not self._file.named and self._name.endswith(".json") and b"apiVersion" not in data:
            self._into.skipped += 1  # package.json and its kin, often not even JSON
            return
        try:
            for tree in compose(data):
                self._document(tree)
        except MalformedDocument as error:
            template = _template_line(data)
            self._problem(template or error.line, UNRENDERED if template else str(error))

    def _document(self, tree: Tree) -> None:
        objects = list(_objects(tree.root))
        if not objects:
            self._into.skipped += 1
        elif tree.braces:
            self._problem(tree.braces, UNRENDERED)
        for found in () if tree.braces else objects:
            self._into.objects += 1
            self._object(found)

    def _object(self, found: _Object) -> None:
        match found.api_version, found.kind:
            case "v1", "Secret":
                self._secret(found.node)
            case "v1", "ServiceAccount":
                self._into.accounts.append(account_of(found.node, self._namespace))
            case _:
                self._workloads(found)

    def _secret(self, node: Branch) -> None:
        try:
            self._into.secrets.append(secret_of(node, self._namespace))
        except InvalidSecret as error:
            self._problem(error.line, str(error))

    def _workloads(self, found: _Object) -> None:
        try:
            template = _template_image(found.node) if b"{{" in self._file.data else None
            workloads = _workloads_at(found.node)
        except MalformedObject as error:
            self._problem(nearest(found.node, _steps(error.path)).span.line, f"{error}; the API server would refuse it")
            return
        if template is not None:
            self._problem(template.span.line, UNRENDERED)
            return
        for workload in workloads:
            self._workload(workload, found)

    def _workload(self, workload: Workload, found: _Object) -> None:
        spans = {image.field: nearest(found.node, _steps(image.field)).span for image in workload.images}
        self._into.workloads.append(
            SourcedWorkload(
                workload=replace(workload, namespace=workload.namespace or self._namespace),
                api_version=found.api_version,
                file=self._name,
                sources={field: Source.of(self._name, span) for field, span in spans.items()},
                ignores=self._ignores(workload.images, spans),
            )
        )

    def _ignores(self, images: Sequence[ContainerImage], spans: dict[str, Span]) -> dict[str, dict[str, str]]:
        if b"pullproof:" not in self._file.data:
            return {}
        lines = self._file.data.decode("utf-8", "replace").splitlines()
        ignores: dict[str, dict[str, str]] = {}
        for image in images:
            line = spans[image.field].line
            try:
                ignores[image.field] = ignores_on(lines[line - 1] if line <= len(lines) else "")
            except InvalidIgnore as error:
                self._problem(line, str(error))
        return ignores

    def _problem(self, line: int, message: str) -> None:
        self._into.problems.append(Problem(file=self._name, line=line, message=message))


def _workloads_at(node: Branch, text: Callable[[str], str] = str) -> tuple[Workload, ...]:
    values = plain(node, text)
    return workloads_of(values) if isinstance(values, dict) else ()


def _template_image(node: Branch) -> Node | None:
    """Return the first image that is a template Helm was to fill in.

    Custom resources are read by shape, where an image in braces is one that a controller fills in and none yet: so
    Helm's braces are opened for a look.
    """
    for workload in _workloads_at(node, _opened):
        for image in workload.images:
            leaf = nearest(node, _steps(image.field))
            if isinstance(leaf, Leaf) and isinstance(leaf.value, str) and _GO_TEMPLATE.search(leaf.value):
                return leaf
    return None


def _opened(text: str) -> str:
    return text.replace("{{", "{ {") if _GO_TEMPLATE.search(text) else text


def _template_line(data: bytes) -> int:
    """Return the line of the first template action in a text that is not YAML, or 0."""
    text = data.decode("utf-8", "replace")
    found = _GO_TEMPLATE.search(text)
    return text.count("\n", 0, found.start()) + 1 if found else 0


def _objects(node: Node, api_version: str = "", kind: str = "") -> Iterator[_Object]:
    """Yield the Kubernetes objects of a document; the items of a typed list may leave out what they are."""
    if not isinstance(node, Branch):
        return
    api_version = text_at(node, "apiVersion") or api_version
    kind = text_at(node, "kind") or kind
    items = node.entries.get("items")
    if not (api_version and kind):
        return
    if kind.endswith("List") and isinstance(items, Row):
        for item in items.items:
            yield from _objects(item, api_version if kind != "List" else "", kind.removesuffix("List"))
    else:
        yield _Object(node, api_version, kind)


def _steps(path: str) -> tuple[Step, ...]:
    try:
        return parse_path(path)
    except InvalidPath:
        return ()
