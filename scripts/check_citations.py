"""Reads BibTeX as pybtex does: docs/references.bib, and what `matsense cite` prints.

    python scripts/check_citations.py
"""

import pathlib
import subprocess

from pybtex.database import BibliographyData, parse_string

REQUIRED = {"author", "title", "year"}


def read(text: str) -> BibliographyData:
    text.encode("ascii")  # classic BibTeX knows no other letters
    data = parse_string(text, "bibtex")
    assert data.entries, "no entries"
    for key, entry in data.entries.items():
        missing = REQUIRED - {name.lower() for name in [*entry.fields, *entry.persons]}
        assert not missing, (key, missing)
        assert entry.fields["year"].isdigit() and all(p.last_names for p in entry.persons["author"]), key
    return data


root = pathlib.Path(__file__).parents[1]
catalog = read((root / "docs" / "references.bib").read_text())
for person in catalog.entries["stoeger2021small"].persons["author"][:1]:
    assert person.rich_last_names[0].render_as("text") == "Stöger", person
cited = subprocess.run(
    ["go", "run", "./cmd/matsense", "cite"], cwd=root, check=True, capture_output=True, text=True
)
software = read(cited.stdout)
print(f"{len(catalog.entries)} publications and {', '.join(software.entries)} are BibTeX")
