"""One module per command; `engine.cli.command_table` names them."""
