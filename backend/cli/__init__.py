"""The command line: translates what is typed into calls of the HTTP API, and starts the server."""
