"""Records → the JSON that clients read. Pure."""
