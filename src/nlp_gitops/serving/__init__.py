"""Serving one model version over HTTP."""
