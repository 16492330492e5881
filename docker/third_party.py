"""Writes the licence texts of everything that is linked into the program, each text once, to standard output.

    third_party.py MADE_OF

MADE_OF is what docker/made_of.sh left. A crate that brings no text is named with its licence; a crate that
has neither is an error, for nothing may go out of which nobody knows the licence.
"""

import sys
from pathlib import Path

from crates import linked


def main():
    made_of = Path(sys.argv[1])
    texts, bare = {}, []
    for crate in sorted(each for each in linked(made_of) if not each.is_ours):
        title = f"{crate.name} {crate.version}"
        folder = made_of / "licences" / title
        files = sorted(folder.iterdir()) if folder.is_dir() else []
        for file in files:
            text = file.read_text(encoding="utf-8", errors="replace").replace("\r\n", "\n").strip()
            texts.setdefault(text, []).append(f"{title}: {file.name}")
        if not files:
            if not crate.licence:
                sys.exit(f"error: {title} has neither a licence nor a licence text")
            bare.append(f"{title}: {crate.licence}")
    print("Parts of other people in this program, and their licences. Each text stands once, after those it is of.")
    print("Where a part leaves the choice between licences, all of its texts are here.")
    if bare:
        print("\nWithout a text of their own (LICENSE-APACHE and LICENSE-MIT beside the licences of this program have it):")
        print("".join(f"  {line}\n" for line in bare), end="")
    for text, holders in texts.items():
        print("\n" + "=" * 80)
        print("\n".join(holders) + "\n")
        print(text)


main()
