"""The registry as a static site: what is in which stage, how it came there, and how it changed."""
