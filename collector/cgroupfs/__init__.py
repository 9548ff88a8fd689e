"""The kernel's cgroup files: where they are, what they are called, what their text means.

Lives here: :mod:`hierarchy` (v1, v2 or hybrid), :mod:`files` (kept-open descriptors, the border where
OSError ends), :mod:`parse` (pure), :mod:`v1` and :mod:`v2` (one row a file), :mod:`reader` (one cgroup),
:mod:`knobs` (limit files, pure). Reads only. To add a file: one row in ``v1.py`` or ``v2.py``.
"""
