"""One file a detector: a class with ``name`` and ``detect(snapshot, recent)``, pure, which explains one bottleneck.

To add one: its file here, its line in the tuple of ``all.py``, its default rule in ``alerts/defaults.py``, its row in
``docs/detectors.md``, its table of cases under ``tests/alerts/detectors/``.
"""
