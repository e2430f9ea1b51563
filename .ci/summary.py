"""Print how long each step took and, last, how many tests passed in all.

python .ci/summary.py FOLDER  (steps.txt and pytest's *.xml lie in it)
"""

from __future__ import annotations

import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path


def count_tests(folder: Path) -> tuple[int, int, int]:
    """Passed, failed and skipped tests of all reports."""
    ran = failed = skipped = 0
    for report in folder.glob("*.xml"):
        for suite in ElementTree.parse(report).getroot().iter("testsuite"):
            ran += int(suite.get("tests", 0))
            failed += int(suite.get("failures", 0)) + int(suite.get("errors", 0))
            skipped += int(suite.get("skipped", 0))
    return ran - failed - skipped, failed, skipped


def main(folder: Path) -> int:
    """Print the table and the closing line; 1 where no test ran or one failed."""
    seconds = 0
    for line in (folder / "steps.txt").read_text().splitlines():
        name, spent = line.split()
        seconds += int(spent)
        print(f"{name:12} {spent:>5} s")
    print(f"{'in all':12} {seconds:>5} s")
    passed, failed, skipped = count_tests(folder)
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    return 0 if passed and not failed else 1


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
