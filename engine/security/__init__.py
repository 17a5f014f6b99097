"""SELinux: which labels a container's processes and files get, and setting those of files."""
