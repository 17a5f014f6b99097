"""Side-by-side timing: `make bench`. Ratios within one run are the result; absolute figures drift."""
