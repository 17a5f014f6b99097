"""The classic builder: Dockerfiles into images, step by step, each step's layer found again by what went into it."""
