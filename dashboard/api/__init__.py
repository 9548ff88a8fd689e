"""The REST API: one file a subject, each with its query, body and answer forms and a tuple ``ROUTES``.

To add a route: write a function of a :class:`dashboard.api.layer.Call`, add a :class:`dashboard.api.layer.Route`
to the file's ``ROUTES`` and a line to ``docs/api.md``; ``routes.py`` lists the files.
"""
