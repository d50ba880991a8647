#!/usr/bin/env python3
"""tests/race/table.py: docs/sync-table.md names every program of tests/race/programs and of tests/gorace/programs, and none that is not there."""
import pathlib
import re
import sys

HERE = pathlib.Path(__file__).resolve().parent
text = (HERE.parent.parent / "docs" / "sync-table.md").read_text(encoding="utf-8")
named = set(re.findall(r"`((?:no)?race_\w+)`", text))
there = {path.stem for tests in (HERE, HERE.parent / "gorace") for path in (tests / "programs").glob("*.c*")}
for name in sorted(named ^ there):
    print(f"{name}: {'is not in docs/sync-table.md' if name in there else 'is in docs/sync-table.md only'}")
sys.exit(named != there)
