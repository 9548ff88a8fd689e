"""Doors to what enforces limits: Docker's API and the kernel's own files.

``base.py`` holds the contracts, ``docker.py`` the API, ``cgroupfs.py`` the only code of the house that
writes under a cgroup mount, ``dry_run.py`` both of them in memory. OSError ends here.
"""
