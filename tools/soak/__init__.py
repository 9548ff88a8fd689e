"""``python -m tools.soak SECONDS``: everything that goes wrong on a host, again and again, and what was lost by it.

A Docker engine of its own whose containers come and go, an InfluxDB, a receiver that fails half the time; agent and
web as two processes on a small disk of their own. Each fault of :mod:`tools.soak.faults` comes once a round. Judged at
the end (:mod:`tools.soak.ledger`): samples, alerts, limits, memory, descriptors.
"""
