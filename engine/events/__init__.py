"""What happened: Docker's events for clients, and the translation of the supervisor's."""
