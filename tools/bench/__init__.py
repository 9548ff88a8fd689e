"""Benches: one file a room, each a literal tuple of what it measures and a function that measures it.

To add one: a row in the room's ``RESULTS`` and its value in what ``measure`` answers; then ``make docs``.
"""
