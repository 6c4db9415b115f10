"""HTTP server: the web application, the engine that answers calls, credentials and switches."""
