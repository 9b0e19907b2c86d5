"""One file for an auditor about one version, and its check, which needs no repository."""
