"""The event exchange: what the supervisor, its shims and its clients publish, to whoever subscribes."""
