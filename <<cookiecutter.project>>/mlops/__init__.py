"""The machinery: data checks, runs, gates, packaging and the registry. Teams rarely edit it."""
