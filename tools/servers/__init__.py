"""Real servers for the tests: one file a kind, each started on loopback in a folder and on ports of its own.

To add one: a class with ``start``/``stop`` that launches its binary through :mod:`tools.servers.process`,
a fixture in ``tests/conftest.py``, and its Debian package in ``tools/install_servers.sh``.
"""
