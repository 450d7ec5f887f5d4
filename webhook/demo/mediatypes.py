"""Media types of OCI and Docker images, and of what else registries hold (pure)."""

from typing import Final

OCI_INDEX: Final = "application/vnd.oci.image.index.v1+json"
OCI_MANIFEST: Final = "application/vnd.oci.image.manifest.v1+json"
OCI_CONFIG: Final = "application/vnd.oci.image.config.v1+json"
OCI_LAYER: Final = "application/vnd.oci.image.layer.v1.tar+gzip"
DOCKER_LIST: Final = "application/vnd.docker.distribution.manifest.list.v2+json"
DOCKER_MANIFEST: Final = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_CONFIG: Final = "application/vnd.docker.container.image.v1+json"
DOCKER_LAYER: Final = "application/vnd.docker.image.rootfs.diff.tar.gzip"
SCHEMA_1: Final = "application/vnd.docker.distribution.manifest.v1+prettyjws"
HELM_CONFIG: Final = "application/vnd.cncf.helm.config.v1+json"
HELM_LAYER: Final = "application/vnd.cncf.helm.chart.content.v1.tar+gzip"
COSIGN_LAYER: Final = "application/vnd.dev.cosign.simplesigning.v1+json"
EMPTY_CONFIG: Final = "application/vnd.oci.empty.v1+json"
