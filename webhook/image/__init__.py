"""OCI image names, platforms and manifests (pure)."""
