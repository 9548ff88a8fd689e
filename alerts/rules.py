"""The rules in force: the default ones and those of the rule files."""

from __future__ import annotations

import glob
from pathlib import Path

from alerts.defaults import DEFAULT_RULES
from alerts.rulefile import parse
from config.schema import AlertSettings
from model.alert import Rule
from model.errors import Fault, InvalidInput

WILD = "*?["


def load(settings: AlertSettings) -> tuple[Rule, ...]:
    """Default rules, then those of the files; a rule with the name of a default one takes its place.

    Raises InvalidInput with the faults of all files at once. A glob that matches nothing is no fault, a file that is
    named and is not there is one.
    """
    faults: list[Fault] = []
    rules = {rule.name: rule for rule in DEFAULT_RULES} if settings.default_rules else {}
    written: dict[str, str] = {}
    for path in files_of(settings.rules):
        for rule in read(path, faults):
            if rule.name in written:
                faults.append(Fault(str(path), f"rule {rule.name} is in {written[rule.name]} already: name it once"))
            written[rule.name] = str(path)
            rules[rule.name] = rule
    if faults:
        raise InvalidInput(tuple(faults))
    return tuple(rules.values())


def files_of(globs: list[str]) -> list[Path]:
    """The files that the globs mean, each once, in order."""
    found: dict[str, None] = {}
    for pattern in globs:
        if any(c in pattern for c in WILD):
            found.update(dict.fromkeys(sorted(glob.glob(pattern))))  # noqa: PTH207 - the pattern may be absolute
        else:
            found[pattern] = None
    return [Path(name) for name in found]


def read(path: Path, faults: list[Fault]) -> tuple[Rule, ...]:
    """The rules of one file; none, and its faults noted, where it is not good."""
    try:
        return parse(path.read_text("utf-8"), str(path))
    except OSError as error:
        faults.append(Fault(str(path), f"cannot be read ({error.strerror}): make it readable, or leave it out"))
    except UnicodeDecodeError:
        faults.append(Fault(str(path), "is not UTF-8 text: save it as UTF-8"))
    except InvalidInput as error:
        faults.extend(error.faults)
    return ()
