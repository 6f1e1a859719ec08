"""A part of docs/COMPATIBILITY.md that a program writes: what is between two marks."""

from harness.places import ROOT

DOCUMENT = ROOT / "docs" / "COMPATIBILITY.md"


def write(name, text):
    """Replaces what is between the marks of `name`, and nothing else of the page."""
    begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
    page = DOCUMENT.read_text()
    before, _, rest = page.partition(begin)
    _, _, after = rest.partition(end)
    assert rest and after, f"{DOCUMENT} lacks {begin} or {end}"
    DOCUMENT.write_text(f"{before}{begin}\n{text}\n{end}{after}")
