"""The commands of ``wharfinger``: one file each, thin.

May import ``daemon``, ``backtest``, ``config``, ``model``, ``storage.api``. To add one: a file with
``add_parser`` and ``run``, its line in ``main.py``, its page in the docs.
"""
