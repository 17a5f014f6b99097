"""User namespaces: which ids a container's are on the host, the namespaces themselves, and files seen through them."""
