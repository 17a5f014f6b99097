"""The supervisor's records in SQLite: a store for each noun, and the garbage collector over all of them."""
