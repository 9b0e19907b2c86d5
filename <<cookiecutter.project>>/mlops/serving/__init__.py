"""The service around a model: limits, metrics, prediction log, lease, and the process itself."""
