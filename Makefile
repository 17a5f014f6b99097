.PHONY: check
check:
	.venv/bin/ruff check .
