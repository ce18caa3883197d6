"""Builders and helpers that several test modules use."""
