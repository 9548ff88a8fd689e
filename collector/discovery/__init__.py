"""Who is there: the cgroup tree says that a container lives, the runtimes say what it is called.

Lives here: :mod:`paths` and :mod:`describe` (pure), :mod:`walk` (the tree), :mod:`docker` (Docker and
Podman through one API), :mod:`registry` (both together). A runtime that is away means that names are
missing, never samples. To add a runtime: its paths in ``paths.py``, its descriptions as a new source.
"""
