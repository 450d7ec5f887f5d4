"""imagePullPolicy x what the node has x what the registry has."""

from collections.abc import Iterator

from case import PLAIN, Case, Held, holding, login

from webhook.demo.site import Repository

HOST = "open.test"
NODE_KNOWS = "only the node knows which images it has"
NOT_LISTED = "a node lists fifty of its images at most, every ten seconds; what none lists is taken to be on none"


def cases() -> Iterator[Case]:
    for policy in ("Always", "IfNotPresent", "Never", ""):
        for there in (True, False):
            for present in (True, False):
                yield _case(policy, there=there, present=present)
    yield from _tags()
    yield from _unlisted()
    yield from _secrets()
    yield Case(
        id="policy-never-invalid", says="Never, and no reference", image="Not/A:Ref:", runs=False, policy="Never"
    )
    yield Case(
        id="policy-never-nohost",
        says="Never, of a registry that does not exist",
        image="nowhere.test/x:1",
        runs=False,
        policy="Never",
    )


def _case(policy: str, *, there: bool, present: bool) -> Case:
    key = f"{policy.lower() or 'unset'}-{'there' if there else 'gone'}-{'present' if present else 'absent'}"
    image = f"{HOST}/policies/{key}:1"
    always, never = policy == "Always", policy == "Never"
    return Case(
        id=f"policy-{key}",
        says=f"{policy or 'no policy'}: registry {'has' if there else 'lacks'}, node {'has' if present else 'lacks'}",
        image=image,
        runs=(present and (there or not always)) or (there and not never),
        policy=policy,
        holds=(_held(image, there=there, present=present),),
        preloaded=image if present else "",
        unknowable=NODE_KNOWS if present and not always and not there else "",
        known=NOT_LISTED if present and not (always or never or there) else "",
    )


def _held(image: str, *, there: bool, present: bool) -> Held:
    """Hold the image under its name, or elsewhere where only the node shall have it."""
    if there:
        return holding(image)
    name = image.partition("/")[2].rpartition(":")[0]
    return Held(
        host=HOST, repository=Repository(name=f"{name}-elsewhere" if present else f"{name}-none", tags={"1": PLAIN})
    )


def _tags() -> Iterator[Case]:
    """The default follows the tag: Always for latest, stated or implied, and for latest beside a digest."""
    for key, suffix in (("latest", ":latest"), ("implied", ""), ("latest-digest", ":latest@{digest}")):
        image = f"{HOST}/policies/{key}"
        yield Case(
            id=f"policy-default-{key}",
            says=f"{key}: always asked for, though the node has it",
            image=image + suffix,
            runs=key == "latest-digest",
            preloaded=f"{image}:latest",
            holds=(holding(f"{image}{'-elsewhere' if key != 'latest-digest' else ''}:latest"),),
        )


def _unlisted() -> Iterator[Case]:
    """The node has it and does not say so yet: it reports its images every ten seconds, and fifty at most."""
    for policy in ("IfNotPresent", "Never"):
        image = f"{HOST}/policies/unlisted-{policy.lower()}:1"
        yield Case(
            id=f"policy-unlisted-{policy.lower()}",
            says=f"{policy}: gone from the registry, on the node, not yet listed",
            image=image,
            runs=True,
            policy=policy,
            holds=(_held(image, there=False, present=True),),
            preloaded=image,
            unlisted=True,
            unknowable=NODE_KNOWS,
            known=NOT_LISTED if policy == "IfNotPresent" else "",
        )


def _secrets() -> Iterator[Case]:
    """An image that was pulled with a login is pulled again for a pod without one (from 1.35 on)."""
    for key, runs, secrets in (("with", True, (login("basic.test"),)), ("without", False, ())):
        image = f"basic.test/policies/recorded-{key}:1"
        held = holding(image, public=False)
        first = Case(
            id=f"policy-recorded-first-{key}",
            says="pulled with a login",
            image=image,
            runs=True,
            secrets=(login("basic.test"),),
            holds=(held,),
            policy="IfNotPresent",
        )
        yield first
        yield Case(
            id=f"policy-recorded-{key}",
            says=f"present, IfNotPresent, {key} a login",
            image=image,
            runs=runs,
            secrets=secrets,
            holds=(held,),
            policy="IfNotPresent",
            after=first.id,
        )
