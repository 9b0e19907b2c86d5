"""Incidents: what is known, the time line, the issue and the post-mortem, and a drill of it all."""
