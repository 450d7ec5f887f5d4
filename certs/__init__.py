"""Issue, keep, rotate and publish the webhook's serving certificate; knows nothing of the webhook."""
