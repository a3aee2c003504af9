"""Writes the schema files."""

from exporters.schemas import files

for path, text in files().items():
    path.write_text(text, encoding="utf-8", newline="\n")
