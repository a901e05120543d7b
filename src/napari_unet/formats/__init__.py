"""Files in, files out: one format a module."""
