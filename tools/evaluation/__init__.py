"""``make evaluation``: policies over the public traces with several seeds; writes ``docs/evaluation/``."""
