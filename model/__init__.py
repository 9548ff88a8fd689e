"""The words of the house: frozen dataclasses and enums that every room speaks in.

Lives here: what a thing *is*. Standard library only; no I/O, no clock, no settings.
To add one: a frozen, slotted dataclass in the file of its subject; units stand in the
names (``_ms _s _bytes _cores _ratio``); ``None`` means "the kernel does not offer it".
"""
