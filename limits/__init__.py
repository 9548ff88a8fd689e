"""Adjusts CPU and memory limits, within what the owner allows; safety before cleverness.

May import ``model``, ``config``, ``storage.api`` and ``collector.cgroupfs`` (to re-read a knob). Only this
room writes a limit, and under a cgroup mount only ``actuator/cgroupfs.py`` does. Every write is journalled
before and read back after.
"""
