"""What brings wherry onto a machine: launchers, units, default configuration, the installer and the demonstration."""
