"""Numbers of all containers side by side, with running totals: which of them may a windowed condition be true of?

Fast and never too narrow: whoever asks looks exactly at those that are named. Standard library and ``model`` only.
"""
