"""A made-up history for pictures, sizing and first looks: ``wharfinger demo --backfill``.

``load.py`` makes the numbers and ``story.py`` what happened (both pure); ``fill.py`` writes them through the
ordinary stores and marks the folder.
"""
