"""Docker's Config and HostConfig → an OCI runtime spec: pure functions, no I/O, but for `devices`, which looks at
device nodes.
"""
