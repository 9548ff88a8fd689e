"""READ ONLY: turns kernel text and the runtimes' answers into Snapshots.

May import ``model``, ``config``, ``storage.api``; psutil and docker live here. Writes nothing, anywhere.
To add a file to read: its parser in ``cgroupfs/parse.py`` (pure), its place in ``v1.py``/``v2.py``, its
metric in ``model/metrics.py``, its rule in ``derive.py``.
"""
