"""Whether a pod's own logins could pull its image, asked of the registry once (I/O by what it is given)."""

import asyncio

from webhook.credentials.keychain import Keychain
from webhook.image.reference import Reference
from webhook.pipeline import ANY_AGE, PullSecretSource, Resolver
from webhook.registry.resolution import Failure, Unresolved
from webhook.workload.workload import Workload

_REFUSALS = frozenset({Failure.LOGIN_WANTED, Failure.LOGIN_REFUSED, Failure.FORBIDDEN, Failure.HIDDEN})


class Trial:
    """Tries what the node would try if it held no logins of its own."""

    def __init__(self, resolver: Resolver, secrets: PullSecretSource, *, patience: float = 10.0) -> None:
        """`patience`: seconds for one look-up."""
        self._resolver = resolver
        self._secrets = secrets
        self._patience = patience

    async def __call__(self, workload: Workload, reference: Reference) -> str:
        """Return why the pod's own logins cannot pull, or "": they can, or what they are is not known in full."""
        deadline = asyncio.get_running_loop().time() + self._patience
        secrets = await self._secrets.pull_secrets(workload, deadline=deadline, not_before=ANY_AGE)
        if not secrets.complete:
            return ""
        candidates = Keychain(secrets.secrets).lookup(reference)
        resolution = await self._resolver.resolve(reference, candidates, deadline=deadline, not_before=ANY_AGE)
        if isinstance(resolution, Unresolved) and resolution.failure in _REFUSALS:
            return resolution.message
        return ""
