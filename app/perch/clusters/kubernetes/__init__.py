"""The Kubernetes client: what is submitted, followed and fetched."""
