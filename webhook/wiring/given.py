"""The pull secrets that pods will have once the given documents are applied (I/O by what it is given).

What a document holds will be in the cluster as the document says, so it counts before what the cluster has now; all
else is the cluster's. An account of the documents brings its own names, one of the cluster's the cluster's.
"""

from dataclasses import dataclass, replace

from webhook.credentials.pullsecret import PullSecret, PullSecrets
from webhook.documents.pullsecrets import ManifestSecrets
from webhook.sources import PullSecretSource
from webhook.workload.workload import Workload


@dataclass(frozen=True, slots=True)
class GivenThenCluster:
    """A `PullSecretSource` of documents that are to be applied to a cluster."""

    given: ManifestSecrets
    cluster: PullSecretSource

    async def pull_secrets(self, workload: Workload, *, deadline: float, not_before: float) -> PullSecrets:
        """Return the pod's own pull secrets, or its ServiceAccount's when it names none; never raises."""
        if workload.takes_account_secrets:
            account = self.given.account(workload.namespace, workload.service_account)
            if account is None:
                found = await self.cluster.pull_secrets(workload, deadline=deadline, not_before=not_before)
                return replace(found, secrets=tuple(self._ours(workload, secret) for secret in found.secrets))
            named = await self._named(workload, account.pull_secrets, deadline, not_before)
            return PullSecrets(secrets=named, account=account.name)
        return PullSecrets(secrets=await self._named(workload, workload.pull_secrets, deadline, not_before))

    def lookup(self, workload: Workload) -> PullSecrets | None:
        """Return nothing at once: only the command line reads so, and it can wait."""
        del workload
        return None

    async def _named(
        self, workload: Workload, names: tuple[str, ...], deadline: float, not_before: float
    ) -> tuple[PullSecret, ...]:
        """Return the secrets in the order of the names; the cluster is asked only for those that are not given."""
        wanted = tuple(name for name in names if name)
        absent = tuple(dict.fromkeys(name for name in wanted if self.given.secret(workload.namespace, name) is None))
        asked = replace(workload, pull_secrets=absent, blocks_account_copy=True)
        found = await self.cluster.pull_secrets(asked, deadline=deadline, not_before=not_before)
        theirs = {secret.name: secret for secret in found.secrets}
        ours = ((name, self.given.secret(workload.namespace, name)) for name in wanted)
        return tuple(secret or theirs[name] for name, secret in ours)

    def _ours(self, workload: Workload, theirs: PullSecret) -> PullSecret:
        return self.given.secret(workload.namespace, theirs.name) or theirs
