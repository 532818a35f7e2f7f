"""The Celery doorbell: app, names, sweep."""
