"""Workloads from documents, with the place of every image."""

import io
import json
import textwrap
from pathlib import Path

import pytest

from webhook.documents.read import UNRENDERED, Documents, read

DEPLOYMENT = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: api}
spec:
  template:
    spec:
      containers:
        - name: api
          image: ghcr.io/acme/api:1.4.2
      initContainers:
        - {name: migrate, image: "reg.corp.example/db/migrate:9"}
      volumes:
        - name: model
          image: {reference: ghcr.io/acme/model:3}
"""


def read_text(text: str, *, namespace: str = "default") -> Documents:
    return read(["-"], io.BytesIO(textwrap.dedent(text).encode()), namespace=namespace)


def images(documents: Documents) -> list[str]:
    return [image.image for found in documents.workloads for image in found.workload.images]


def problems(documents: Documents) -> list[str]:
    return [str(problem) for problem in documents.problems]


def test_every_image_has_a_file_a_line_and_a_column(tmp_path: Path) -> None:
    file = tmp_path / "api.yaml"
    file.write_text(DEPLOYMENT)
    (found,) = read([str(file)], io.BytesIO(), namespace="shop").workloads
    places = {field: (source.file, source.line, source.column) for field, source in found.sources.items()}
    assert places == {
        "spec.template.spec.containers[0].image": (str(file), 9, 18),
        "spec.template.spec.initContainers[0].image": (str(file), 11, 34),
        "spec.template.spec.volumes[0].image.reference": (str(file), 14, 30),
    }
    assert (found.workload.kind, found.workload.namespace, found.workload.name) == ("Deployment", "shop", "api")
    assert found.api_version == "apps/v1"


def test_several_documents_and_lists() -> None:
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a"}, "spec": {"containers": [{"image": "a:1"}]}}
    other = {"metadata": {"name": "b", "namespace": "own"}, "spec": {"containers": [{"image": "b:1"}]}}
    text = "\n---\n".join(
        [
            json.dumps({"apiVersion": "v1", "kind": "List", "items": [pod, pod]}),
            json.dumps({"apiVersion": "v1", "kind": "PodList", "items": [other]}),
            DEPLOYMENT,
        ]
    )
    documents = read_text(text)
    assert images(documents)[:4] == ["a:1", "a:1", "b:1", "ghcr.io/acme/api:1.4.2"]
    assert [found.workload.namespace for found in documents.workloads] == ["default", "default", "own", "default"]
    assert (documents.objects, documents.skipped, documents.problems) == (4, 0, [])


def test_an_object_of_any_kind_by_its_shape() -> None:
    documents = read_text(
        """
        apiVersion: argoproj.io/v1alpha1
        kind: Rollout
        metadata: {name: web}
        spec: {template: {spec: {containers: [{name: web, image: nginx:1}]}}}
        """
    )
    assert images(documents) == ["nginx:1"]


def test_yaml_that_is_no_object_is_counted_and_left_alone() -> None:
    documents = read_text("image: {repository: nginx, tag: latest}\n---\n[1]\n---\nkind: Kustomization\n")
    assert (documents.workloads, documents.problems, documents.skipped) == ([], [], 3)


def test_json_that_speaks_of_no_object_is_left_alone_in_a_folder_and_read_when_named(tmp_path: Path) -> None:
    file = tmp_path / "tsconfig.json"
    file.write_text('{ // a comment, or worse: "\n')
    assert read([str(tmp_path)], io.BytesIO(), namespace="").skipped == 1
    assert len(read([str(file)], io.BytesIO(), namespace="").problems) == 1


def test_a_broken_file_does_not_hide_the_others(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("apiVersion: v1\nkind: [\n")
    (tmp_path / "b.yaml").write_text(DEPLOYMENT)
    documents = read([str(tmp_path)], io.BytesIO(), namespace="default")
    assert len(images(documents)) == 3
    (problem,) = problems(documents)
    assert problem.startswith(f"{tmp_path}/a.yaml:3: not valid YAML: ")


@pytest.mark.parametrize("path", ["spec.template.spec.containers[0]", "spec.steps[0]", "spec.container"])
def test_helm_is_told_from_what_a_controller_fills_in(path: str) -> None:
    """In a custom resource, quoted braces of Helm are an error, those of Argo and Tekton no image yet."""
    head = "apiVersion: x/v1\nkind: Rollout\n"
    body = {
        "spec.template.spec.containers[0]": "spec: {template: {spec: {containers: [{name: a, image: '%s'}]}}}\n",
        "spec.steps[0]": "spec: {steps: [{image: '%s'}]}\n",
        "spec.container": "spec: {container: {image: '%s'}}\n",
    }[path]
    helm = read(["-"], io.BytesIO((head + body % "{{ .Values.image }}:1").encode()), namespace="a")
    assert problems(helm) == [f"<stdin>:3: {UNRENDERED}"]
    for text in ("{{inputs.parameters.image}}", "$(params.image)", "{{workflow.name}}:1"):
        other = read(["-"], io.BytesIO((head + body % text).encode()), namespace="a")
        assert (problems(other), other.workloads) == ([], [])


@pytest.mark.parametrize(
    ("text", "line"),
    [
        pytest.param("{{- if .Values.on }}\nkind: Pod\n{{- end }}\n", 1, id="an action"),
        pytest.param(
            "apiVersion: v1\nkind: Pod\nspec:\n  containers: [{image: {{ .Values.image }}}]\n", 4, id="a value"
        ),
        pytest.param(
            "apiVersion: v1\nkind: Pod\nspec:\n  containers:\n  - image: '{{ .Values.image }}:1'\n", 5, id="quoted"
        ),
        pytest.param(
            "apiVersion: v1\nkind: Pod\nspec:\n  containers:\n  - image: a\n    {{- toYaml . }}\n", 6, id="block"
        ),
    ],
)
def test_an_unrendered_template_says_so(text: str, line: int) -> None:
    documents = read_text(text)
    assert problems(documents) == [f"<stdin>:{line}: {UNRENDERED}"]
    assert documents.workloads == []


def test_braces_that_a_controller_fills_in_are_no_template_of_ours() -> None:
    documents = read_text(
        """
        apiVersion: argoproj.io/v1alpha1
        kind: Workflow
        metadata: {name: w}
        spec: {templates: [{name: t, container: {image: "{{inputs.parameters.image}}"}}]}
        """
    )
    assert (images(documents), problems(documents)) == ([], [])


def test_a_wrong_type_is_named_with_its_line() -> None:
    documents = read_text("apiVersion: v1\nkind: Pod\nspec:\n  containers:\n  - name: a\n    image: 1.27\n")
    (problem,) = problems(documents)
    assert problem.startswith(
        "<stdin>:6: spec.containers[0].image: expected str, got float; the API server would refuse it"
    )


def test_ignores_in_comments_hold_for_the_image_of_their_line() -> None:
    documents = read_text(
        """\
        apiVersion: v1
        kind: Pod
        spec:
          containers:
          - image: a:latest  # pullproof: ignore latest-tag rebuilt every night
          - image: b:latest
          - image: c:latest  # pullproof: ignore latest-tag
          - image: d:latest  # pullproof: ignore latest-tags because
        """
    )
    (found,) = documents.workloads
    assert {field: ignores for field, ignores in found.ignores.items() if ignores} == {
        "spec.containers[0].image": {"latest-tag": "rebuilt every night"}
    }
    assert problems(documents) == [
        "<stdin>:7: `# pullproof: ignore latest-tag` needs a reason after the code",
        "<stdin>:8: unknown code 'latest-tags' in an ignore comment; `pullproof rules list` names them all",
    ]


def test_aliases_point_at_their_anchor() -> None:
    documents = read_text(
        """\
        apiVersion: v1
        kind: Pod
        x-image: &image nginx:1
        spec: {containers: [{image: *image}]}
        """
    )
    (found,) = documents.workloads
    assert found.sources["spec.containers[0].image"].line == 3
