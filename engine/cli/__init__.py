"""The `wherry` command line: docker's grammar, spoken to the engine over its HTTP API and nothing else."""
