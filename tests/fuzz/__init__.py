"""Structure-aware mutation of files of every format; `python -m fuzz --help` with tests/ on the path."""
