"""Settings: what the operator may choose, with defaults, help and all faults told at once.

May import ``model`` alone. To add a setting: a field in ``schema.py`` with its help; the rest
(file, environment, flag-free check, documentation) follows from it.
"""
