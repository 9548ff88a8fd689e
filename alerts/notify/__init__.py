"""One file a kind of receiver: how an alert is said there, and how its answer is understood.

To add one: a class with ``send`` (see ``notifier.py``), its line in the table of ``kinds.py``, its row in
``docs/alerts.md``.
"""
