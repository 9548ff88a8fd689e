"""Labels of Prometheus text: names that it takes, values escaped. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final

LABEL_NAME: Final = re.compile(r"[^a-zA-Z0-9_]")
ESCAPES: Final = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n"})


def escaped(text: str) -> str:
    """A label value; what UTF-8 cannot hold becomes a question mark."""
    return text.encode("utf-8", "replace").decode().translate(ESCAPES)


def labels_text(labels: Iterable[tuple[str, str]]) -> str:
    """``a="1",b="2"``, in the order given."""
    return ",".join(f'{name}="{escaped(value)}"' for name, value in labels)


def container_labels(keys: Iterable[str]) -> Mapping[str, str]:
    """Container label → ``container_label_<sanitised>``; of two that collide the first stays."""
    names: dict[str, str] = {}
    taken: set[str] = set()
    for key in sorted(keys):
        name = "container_label_" + LABEL_NAME.sub("_", key)
        if name not in taken:
            taken.add(name)
            names[key] = name
    return names
