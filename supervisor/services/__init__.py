"""The gRPC services: decode, one call, encode. No logic, no `try`, no logging."""
