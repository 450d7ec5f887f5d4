"""Pull secrets that were given beside the pods."""

import io
import textwrap

import pytest

from webhook.credentials.pullsecret import NOT_GIVEN, PullSecrets, SecretState
from webhook.documents.pullsecrets import ManifestSecrets
from webhook.documents.read import Documents, read

DOCUMENTS = """\
apiVersion: v1
kind: Secret
metadata: {name: regcred}
type: kubernetes.io/dockerconfigjson
data: {.dockerconfigjson: e30=, other: aGk=}
stringData: {.dockerconfigjson: '{"auths":{"ghcr.io":{"username":"u","password":"p"}}}'}
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: builder}
imagePullSecrets: [{name: regcred}, {name: ""}, {name: absent}]
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: default, namespace: other}
imagePullSecrets: [{name: regcred}]
"""


def documents_of(text: str) -> Documents:
    return read(["-"], io.BytesIO(textwrap.dedent(text).encode()), namespace="shop")


async def secrets_of(spec: str, *, kind: str = "Pod", metadata: str = "{}", complete: bool = False) -> PullSecrets:
    pod = f"\n---\napiVersion: v1\nkind: {kind}\nmetadata: {metadata}\nspec: {spec}\n"
    documents = documents_of(DOCUMENTS + pod)
    source = ManifestSecrets(documents.secrets, documents.accounts, complete=complete)
    return await source.pull_secrets(documents.workloads[0].workload, deadline=0, not_before=0)


def states(secrets: PullSecrets) -> list[tuple[str, SecretState]]:
    return [(secret.name, secret.state) for secret in secrets.secrets]


async def test_a_secret_of_the_documents_is_decoded_as_it_would_be_stored() -> None:
    secrets = await secrets_of("{imagePullSecrets: [{name: regcred}], containers: [{image: a}]}")
    (secret,) = secrets.secrets
    assert (secret.state, [entry.host for entry in secret.entries]) == (SecretState.USABLE, ["ghcr.io"])
    assert secrets.account is None


@pytest.mark.parametrize(
    ("complete", "state"), [(False, SecretState.UNREADABLE), (True, SecretState.MISSING)], ids=["part", "complete"]
)
async def test_an_absent_secret_is_missing_only_where_the_caller_says_so(complete: bool, state: SecretState) -> None:
    secrets = await secrets_of("{imagePullSecrets: [{name: nope}], containers: [{image: a}]}", complete=complete)
    assert states(secrets) == [("nope", state)]


async def test_secrets_of_another_namespace_do_not_count() -> None:
    secrets = await secrets_of(
        "{imagePullSecrets: [{name: regcred}], containers: [{image: a}]}", metadata="{namespace: other}"
    )
    assert states(secrets) == [("regcred", SecretState.UNREADABLE)]


async def test_the_account_gives_its_secrets_to_a_pod_that_names_none() -> None:
    secrets = await secrets_of("{serviceAccountName: builder, containers: [{image: a}]}", complete=True)
    assert secrets.account == "builder"
    assert states(secrets) == [("regcred", SecretState.USABLE), ("absent", SecretState.MISSING)]


async def test_there_is_no_merge() -> None:
    secrets = await secrets_of("{serviceAccountName: builder, imagePullSecrets: [{name: x}], containers: [{image: a}]}")
    assert states(secrets) == [("x", SecretState.UNREADABLE)]


async def test_an_empty_name_blocks_the_account() -> None:
    secrets = await secrets_of(
        '{serviceAccountName: builder, imagePullSecrets: [{name: ""}], containers: [{image: a}]}'
    )
    assert secrets == PullSecrets()


async def test_a_stored_pod_has_been_through_admission() -> None:
    secrets = await secrets_of("{serviceAccountName: builder, containers: [{image: a}]}", metadata="{uid: u}")
    assert secrets == PullSecrets()


async def test_an_absent_account_is_unreadable_or_missing() -> None:
    spec = "{serviceAccountName: nobody, containers: [{image: a}]}"
    assert await secrets_of(spec) == PullSecrets(account="nobody", account_unreadable=NOT_GIVEN)
    assert await secrets_of(spec, complete=True) == PullSecrets(account="nobody", account_missing=True)


async def test_the_default_account_is_taken_to_bring_nothing() -> None:
    assert await secrets_of("{containers: [{image: a}]}") == PullSecrets(account="default")
    given = await secrets_of("{containers: [{image: a}]}", metadata="{namespace: other}")
    assert states(given) == [("regcred", SecretState.UNREADABLE)]  # the Secret is in another namespace


def test_what_the_api_server_would_refuse_is_named_with_its_line() -> None:
    documents = documents_of(
        """\
        apiVersion: v1
        kind: Secret
        metadata: {name: broken}
        data:
          .dockerconfigjson: '{"auths":{}}'
        """
    )
    (problem,) = documents.problems
    assert str(problem) == (
        "<stdin>:5: secret 'broken': data['.dockerconfigjson'] is not base64, the API server would refuse it; "
        "encode it, or move the plain text to stringData"
    )
    assert documents.secrets == []


def test_a_secret_never_shows_what_it_holds() -> None:
    documents = documents_of(DOCUMENTS)
    assert "auths" not in repr(documents)
