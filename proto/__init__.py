"""The seams: wire-compatible protocol files, their generated stubs, ttrpc, and the error classes every layer shares."""
