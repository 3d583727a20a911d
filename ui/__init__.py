"""User interfaces: the command line, the web chat and the HTTP API."""
