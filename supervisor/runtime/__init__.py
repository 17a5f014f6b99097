"""Running tasks: bundles, shims, and what is known of the processes they keep."""
