"""The only room that knows SQL or InfluxDB: seconds, roll-ups, state, spool, users.

``api.py`` holds every contract, once; other rooms import nothing else from here (``daemon``
composes). May import ``model`` and ``config``. To add a store: implement the contract of
``api.py`` and put it into the list of its test suite in ``tests/storage``.
"""
