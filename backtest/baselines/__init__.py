"""What others do, each from its public source or description: to be compared with.

To add one: a file with a :class:`backtest.simulator.Control` and a row in ``backtest/policies.py``.
"""
