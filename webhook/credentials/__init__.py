"""Registry logins, read and chosen as the kubelet does it."""
