"""The registry client: distribution 1.1 over HTTP."""
