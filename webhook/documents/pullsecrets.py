"""Pull secrets from the same documents as the pods (pure).

What is not among the documents may well be in the cluster: most repositories do not hold their Secrets. So an absent
one is `unreadable` here, which leads to "not verified", and `missing` only where the caller has said that the
documents are all there is. One exception: the `default` ServiceAccount, which every namespace has and hardly anybody
writes down, is taken to bring no pull secrets; a pull that would need one is then reported as the failure that it most
likely is.
"""

from collections.abc import Iterable

from webhook.credentials.dockerconfig import decode_secret
from webhook.credentials.pullsecret import NOT_GIVEN, PullSecret, PullSecrets, SecretState
from webhook.documents.source import ManifestAccount, ManifestSecret
from webhook.workload.workload import Workload


class ManifestSecrets:
    """The pull secrets of pods whose Secrets and ServiceAccounts were given beside them (a `PullSecretSource`)."""

    def __init__(
        self,
        secrets: Iterable[ManifestSecret],
        accounts: Iterable[ManifestAccount],
        *,
        complete: bool = False,
    ) -> None:
        """`complete`: the documents are all there is; what is not among them does not exist. Of two, the last wins."""
        self._secrets = {(secret.namespace, secret.name): secret for secret in secrets}
        self._accounts = {(account.namespace, account.name): account for account in accounts}
        self._complete = complete
        self._decoded: dict[tuple[str, str], PullSecret] = {}

    async def pull_secrets(self, workload: Workload, *, deadline: float, not_before: float) -> PullSecrets:
        """Return the pod's own pull secrets, or its ServiceAccount's when it names none; never waits."""
        del deadline, not_before
        return self.lookup(workload)

    def lookup(self, workload: Workload) -> PullSecrets:
        """Return the same."""
        if workload.pull_secrets or workload.blocks_account_copy or self._admitted(workload):
            return PullSecrets(secrets=self._named(workload.namespace, workload.pull_secrets))
        name = workload.service_account
        account = self._accounts.get((workload.namespace, name))
        if account is not None:
            return PullSecrets(secrets=self._named(workload.namespace, account.pull_secrets), account=name)
        if name == "default" or self._complete:
            return PullSecrets(account=name, account_missing=name != "default")
        return PullSecrets(account=name, account_unreadable=NOT_GIVEN)

    def account(self, namespace: str, name: str) -> ManifestAccount | None:
        """Return a ServiceAccount of the documents, or None."""
        return self._accounts.get((namespace, name))

    def secret(self, namespace: str, name: str) -> PullSecret | None:
        """Return what the kubelet would make of a Secret of the documents, or None where they do not hold it."""
        secret = self._secrets.get((namespace, name))
        if secret is None:
            return None
        decoded = self._decoded.get((namespace, name))
        if decoded is None:
            decoded = self._decoded[namespace, name] = decode_secret(secret.name, secret.type, secret.content)
        return decoded

    @staticmethod
    def _admitted(workload: Workload) -> bool:
        """Tell a stored pod, whose ServiceAccount has had its say, from one in a file."""
        return bool(workload.uid) and not workload.template

    def _named(self, namespace: str, names: Iterable[str]) -> tuple[PullSecret, ...]:
        # the kubelet skips empty names without a word (kubelet_pods.go, getPullSecretsForPod)
        return tuple(self.secret(namespace, name) or self._absent(name) for name in names if name)

    def _absent(self, name: str) -> PullSecret:
        state = SecretState.MISSING if self._complete else SecretState.UNREADABLE
        return PullSecret(name=name, state=state, reason=NOT_GIVEN)
