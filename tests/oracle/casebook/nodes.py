"""What only the node, or only later, is known: logins, images, what arrives, what mutators do."""

from collections.abc import Iterator

from case import Arrival, Case, holding, login

from webhook.demo.site import Site

LOGINS = "a login that only the node holds"


def cases() -> Iterator[Case]:
    yield from _logins()
    yield from _taught()
    yield from _later()
    yield from _mutators()


def _logins() -> Iterator[Case]:
    """The kubelet's own config.json: after the pod's logins, before nobody's."""
    for key, name, personality in (
        ("basic", "node-basic.test", "basic"),
        ("bearer", "node-bearer.test", "bearer"),
        ("quay", "node-quay.test", "quay.io"),
        ("acr", "node.azurecr.io", "acr"),
        ("ecr", "210987654321.dkr.ecr.us-east-1.amazonaws.com", "ecr"),
        ("ghcr", "node-ghcr.test", "ghcr.io"),
    ):
        site = _site(name, personality)
        for what, says, secrets, there in (
            ("alone", "the node's login, none of the pod's", (), True),
            ("after-bad", "the node's login after the pod's wrong one", (login(name, password="no"),), True),
            ("gone", "the node's login, and the tag is not there", (), False),
        ):
            image = f"{name}/team/{what}"
            yield Case(
                id=f"node-login-{key}-{what}",
                says=f"{name}: {says}",
                image=f"{image}:{1 if there else 2}",
                runs=there,
                sites=(site,),
                holds=(holding(f"{image}:1", public=False),),
                secrets=secrets,
                node_logins={name: ("node", "s3cret")},
                unknowable=LOGINS,
            )


def _taught() -> Iterator[Case]:
    """What running pods prove to a Pullproof that looks the cluster over: a login of the node, a mutator."""
    name = "node-basic.test"
    yield Case(
        id="node-login-basic-taught",
        says=f"{name}: the node's login, and a pod that runs by it",
        image=f"{name}/team/taught:1",
        runs=True,
        sites=(_site(name, "basic"),),
        holds=(holding(f"{name}/team/taught:1", public=False),),
        node_logins={name: ("node", "s3cret")},
        after="node-login-basic-alone",
        unknowable=LOGINS,
    )
    yield Case(
        id="node-mutated-image-taught",
        says="Deployment: a mutator rewrites the image, as it did before",
        image="open.test/mutated/gone:2",
        runs=True,
        kind="Deployment",
        holds=(holding("open.test/mutated/good:1"),),
        labels={"mutate": "image"},
        after="node-mutated-image-deployment",
    )


def _later() -> Iterator[Case]:
    for host in ("open.test", "quay.io"):
        image = f"{host}/later/image:1"
        yield Case(
            id=f"node-later-{host.partition('.')[0]}",
            says=f"{host}: the image is pushed 20 seconds later",
            image=image,
            runs=True,
            holds=(holding(image, arrival=Arrival.LATER),),
            patience=100,
            unknowable="it is pushed later",
        )
    image = "open.test/later/tag"
    yield Case(
        id="node-later-tag",
        says="the tag is pushed 20 seconds later",
        image=f"{image}:2",
        runs=True,
        holds=(holding(f"{image}:1"), holding(f"{image}:2", arrival=Arrival.LATER)),
        patience=100,
        unknowable="it is pushed later",
    )


def _mutators() -> Iterator[Case]:
    """A mutating webhook that changes pods when they are made: templates are judged before it has seen them."""
    good = "open.test/mutated/good:1"
    for kind in ("Pod", "Deployment", "Job"):
        key = kind.lower()
        unseen = "" if kind == "Pod" else "a mutator changes the pod after its template was judged"
        yield Case(
            id=f"node-mutated-image-{key}",
            says=f"{kind}: a mutator rewrites the image",
            image="open.test/mutated/gone:1",
            runs=True,
            kind=kind,
            holds=(holding(good),),
            labels={"mutate": "image"},
            unknowable=unseen,
        )
        image = f"basic.test/mutated/{key}:1"
        yield Case(
            id=f"node-mutated-secret-{key}",
            says=f"{kind}: a mutator adds the pull secret",
            image=image,
            runs=True,
            kind=kind,
            holds=(holding(image, public=False),),
            labels={"mutate": "secret"},
            unknowable=unseen,
        )
        yield Case(
            id=f"node-mutated-auto-{key}",
            says=f"{kind}: a placeholder that a mutator fills in",
            image="auto",
            runs=True,
            kind=kind,
            holds=(holding(good),),
            labels={"mutate": "image"},
            unknowable=unseen,
        )


def _site(host: str, personality: str) -> Site:
    return Site(hosts=(host,), personality=personality, users={"node": "s3cret"})
