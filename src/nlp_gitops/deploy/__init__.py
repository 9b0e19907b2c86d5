"""Putting what the registry says into an environment, and taking it back if it does harm."""
