"""Drift: mergeable profiles of traffic, compared with a reference, and a verdict to be trusted."""
