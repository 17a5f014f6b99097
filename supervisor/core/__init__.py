"""What the supervisor is about, without protobuf and without I/O: a dataclass and a Protocol for each noun.

Every store method takes the namespace first, is synchronous and short (see `supervisor/metadata/db.py` for the
thread model), and raises Faults of `proto.errdefs` in containerd's words. Times are integers: nanoseconds since
the epoch, UTC.
"""
