"""Explains bottlenecks, decides what to tell whom, and tells it.

May import ``model``, ``config``, ``storage.api``. Only this room can wake somebody. To add a detector:
one file in ``detectors/``, its line in the tuple there, its default rule, its page in the docs.
"""
