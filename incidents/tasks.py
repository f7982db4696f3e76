"""Celery rings; the work is one call each."""
