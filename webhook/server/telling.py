"""What is told of a review beside the metrics: a Kubernetes Event, where that is asked for (pure but for its queue).

Events are a side effect, so a dry run writes none (sideEffects: NoneOnDryRun). One Event for each request that was
denied or warned about, in the words of the answer; about the object as it was named, which a denied CREATE never made.
"""

from collections.abc import Callable
from dataclasses import dataclass

from webhook.admission.wording import denial, warnings
from webhook.cluster.events import Event, Subject
from webhook.cluster.workloads import api_version
from webhook.policy.decision import Verdict
from webhook.server.admission import AdmissionObserver

Tell = Callable[[Event], None]


@dataclass(frozen=True, slots=True)
class Telling:
    """Passes everything on to another observer, and tells Events."""

    behind: AdmissionObserver
    tell: Tell

    def arrived(self) -> None:
        """Note that a request is being worked on."""
        self.behind.arrived()

    def answered(
        self, resource: str, operation: str, decision: str, *, dry_run: bool, seconds: float, verdict: Verdict | None
    ) -> None:
        """Note how it ended."""
        self.behind.answered(resource, operation, decision, dry_run=dry_run, seconds=seconds, verdict=verdict)
        event = event_of(verdict) if verdict is not None and not dry_run else None
        if event is not None:
            self.tell(event)

    def overran(self) -> None:
        """Note that an inspection was not done by its deadline."""
        self.behind.overran()


def event_of(verdict: Verdict) -> Event | None:
    """Return what is to be told of a verdict, if anything: of a partial workload nobody knows what it is about."""
    workload = verdict.workload
    if workload.partial or not (verdict.denied or verdict.warned):
        return None
    about = Subject(
        api_version=api_version(workload.kind),
        kind=workload.kind,
        namespace=workload.namespace,
        name=workload.name,
        uid=workload.uid,
    )
    if verdict.denied:
        return Event(about=about, reason="ImagePullDenied", action="Deny", note=denial(verdict))
    return Event(about=about, reason="ImagePullPredicted", action="Warn", note="\n".join(warnings(verdict)))
