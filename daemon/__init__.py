"""Introduces the rooms to each other: the pipeline, the link between agent and web, workers, health, supervision.

May import every room (backtest lazily).
"""
