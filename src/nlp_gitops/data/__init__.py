"""Versioned data: the manifest `data/dataset.yaml`, its rows and splits, and the checks on them."""
