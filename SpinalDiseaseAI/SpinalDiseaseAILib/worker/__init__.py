"""The process boundary: a client starts a worker process that keeps models loaded, and talks to it in JSON lines."""
