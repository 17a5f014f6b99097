"""The edge: sockets, servers, and what every call goes through."""
