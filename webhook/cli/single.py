"""A reference without a pod around it, as a workload (pure)."""

from webhook.documents.source import SourcedWorkload
from webhook.image.reference import default_pull_policy
from webhook.workload.workload import ContainerImage, PullPolicy, Role, Workload


def single(text: str, namespace: str, *, template: bool = False) -> SourcedWorkload:
    """Return a workload of one image; its kind and name are empty. `template`: as a pod that is still to be made."""
    image = ContainerImage(
        role=Role.CONTAINER, name="", image=text, pull_policy=PullPolicy(default_pull_policy(text)), field=""
    )
    return SourcedWorkload(
        workload=Workload(kind="", namespace=namespace, name="", images=(image,), template=template),
        api_version="",
        file="",
    )
