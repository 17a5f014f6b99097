"""Docker's containers: a file per verb on top of a record (`model`), a table (`store`) and the living half (`live`)."""
