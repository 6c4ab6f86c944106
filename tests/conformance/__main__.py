"""`python -m tests.conformance`: writes the pages. With --open: tells what has no test yet."""

from __future__ import annotations

import sys

from tests.conformance.page import PAGE, PROTOCOL, held, open_statements, page, with_sums


def main() -> int:
    """Write the pages, or tell what is open and give 1 if anything is."""
    tests = held()
    if "--open" in sys.argv[1:]:
        left = open_statements(tests)
        for one in left:
            print(f"{one.level:5} {one.id:34} {one.says}")
        return 1 if left else 0
    PAGE.write_text(page(tests), encoding="utf-8")
    text = PROTOCOL.read_text(encoding="utf-8")
    PROTOCOL.write_text(with_sums(text, tests), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
