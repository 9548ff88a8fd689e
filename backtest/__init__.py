"""The controller judged: traces, simulator and baselines.

May import every room but ``dashboard``.
"""
