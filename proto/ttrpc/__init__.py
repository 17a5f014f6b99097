"""ttrpc: unary protobuf calls over one stream socket, as containerd and its shims speak it.

`frame` is the codec and does no I/O; `server` and `client` put it on asyncio; `metadata` names the keys that travel
with a call. Nothing here imports grpc: the shim lives on it.

Protocol: https://github.com/containerd/ttrpc/blob/main/PROTOCOL.md
"""
