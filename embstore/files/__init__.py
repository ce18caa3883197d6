"""Bytes on disk: files opened to be read, unpacked and hashed on the way, and files that appear whole or not at all."""
