"""A file per group of routes; each has a class with a `table` of them."""
