"""The embedded store: one SQLite file of seconds and roll-ups, one of state, one of users.

Pure: ``codec`` (a column, a chunk), ``tail`` (the last minutes, tick by tick), ``rollup``, ``tiers``. The rest
is a thin rim around ``database``. To change a form: raise its version, keep the old decoder, add a
migration and a test from the older form. Forms are described in ``docs/storage.md``.
"""
