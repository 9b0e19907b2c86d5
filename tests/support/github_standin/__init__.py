"""A stand-in for GitHub's servers: its REST API over HTTP, as far as the generated project uses it.

What it takes and gives is checked against GitHub's own description of the API, in the typed models
of `githubkit`. Faults are planted by tests. It is not named `github`, because that is PyGithub.
"""
