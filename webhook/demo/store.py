"""What a registry holds: repositories, tags, manifests and blobs (no I/O)."""

from collections.abc import Mapping

import msgspec

from webhook.demo.build import build
from webhook.demo.images import Content, Image, ImageSpec
from webhook.demo.site import Repository, Site


class Holding(msgspec.Struct):
    """One repository with its images by tag."""

    repository: Repository
    images: dict[str, Image]


class Store:
    """One site's content; tags may come and go while it serves."""

    def __init__(self, site: Site) -> None:
        self._host = site.hosts[0]
        self._holdings: dict[str, Holding] = {}
        for repository in site.repositories:
            self.add(repository)

    def add(self, repository: Repository) -> None:
        """Add a repository with its tags, in place of one of the same name."""
        images = {tag: self._build(repository.name, tag, spec) for tag, spec in repository.tags.items()}
        self._holdings[repository.name] = Holding(repository, images)

    def put(self, name: str, tag: str, spec: ImageSpec | None = None) -> str:
        """Add a tag (and its repository, public, where that is new) and return its digest."""
        image = self._build(name, tag, spec or ImageSpec())
        self._holdings.setdefault(name, Holding(Repository(name=name), {})).images[tag] = image
        return image.top.digest

    def remove(self, name: str, tag: str) -> None:
        """Take a tag away, with what it holds."""
        del self._holdings[name].images[tag]

    def image(self, name: str, tag: str) -> Image:
        """Return what a tag holds; raises `KeyError`."""
        return self._holdings[name].images[tag]

    def repository(self, name: str) -> Repository | None:
        """Return a repository's description."""
        holding = self._holdings.get(name)
        return None if holding is None else holding.repository

    def manifest(self, name: str, reference: str) -> Content | None:
        """Return a manifest by tag or digest."""
        if reference in self._images(name):
            return self._images(name)[reference].top
        return next(
            (each.manifests[reference] for each in self._images(name).values() if reference in each.manifests), None
        )

    def blob(self, name: str, digest: str) -> Content | None:
        """Return a blob by digest."""
        return next((each.blobs[digest] for each in self._images(name).values() if digest in each.blobs), None)

    def tags(self, name: str) -> tuple[str, ...]:
        """Return the tags of a repository, in lexical order as registries list them."""
        return tuple(sorted(self._images(name)))

    def _images(self, name: str) -> Mapping[str, Image]:
        holding = self._holdings.get(name)
        return {} if holding is None else holding.images

    def _build(self, name: str, tag: str, spec: ImageSpec) -> Image:
        return build(f"{self._host}/{name}:{tag}", spec)
