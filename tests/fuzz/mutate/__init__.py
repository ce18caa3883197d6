"""Mutators: functions of bytes, a random generator and another file of the format; each gives changed bytes."""
