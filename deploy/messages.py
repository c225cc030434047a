"""`make messages`: gather the words of the operator pages into locale/, and compile them.

Babel reads and writes the catalogs, so that no machine needs the gettext programs. Templates go
through Django's own `templatize`. The theme ships no translations: its words that Django does not
translate already are gathered too.
"""

import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from gettext import GNUTranslations
from io import BytesIO
from pathlib import Path
from typing import Any

import django
import unfold
from babel.messages.catalog import Catalog
from babel.messages.extract import extract
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po
from django.utils.translation.template import templatize

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "locale" / "pt_BR" / "LC_MESSAGES"
APPS = ("ticketsite", "vacancy", "tickets", "loadlab")
OTHERS = ("migrations", "management", "locustfiles")  # seen by no reader of pages
KEYWORDS: dict[str, Any] = {
    "_": None,
    "N_": None,  # marks what is translated later, where Django may not be imported
    "gettext": None,
    "gettext_noop": None,
    "gettext_lazy": None,
    "ngettext": (1, 2),
    "ngettext_lazy": (1, 2),
    "pgettext": ((1, "c"), 2),
    "pgettext_lazy": ((1, "c"), 2),
}
CONTRIB = {
    "admin",
    "auth",
    "contenttypes",
    "sessions",
}  # of Django's apps, what we use and has words
DOMAINS = ("django", "djangojs")
Message = tuple[str | tuple[str, ...], str | None, str]  # words, context, file


def messages(domain: str) -> list[Message]:
    """Return every string that our sources (and for `django` the theme's) show to a reader."""
    found = list(_scripts() if domain == "djangojs" else _sources())
    if domain == "django":
        known = _known_to_django()
        found += [one for one in _theme() if one[0] not in known]
    return found


def catalog_of(domain: str) -> Catalog:
    """Return the catalog as it is stored; an empty one if there is none yet."""
    path = FOLDER / f"{domain}.po"
    if not path.exists():
        return Catalog(locale="pt_BR", domain=domain)
    with path.open("rb") as file:
        return read_po(file, locale="pt_BR", domain=domain)


def updated(domain: str) -> Catalog:
    """Return the stored catalog with exactly the strings of the sources, translations kept."""
    template = Catalog(domain=domain)
    for words, context, _file in messages(domain):
        template.add(words, context=context)
    catalog = catalog_of(domain)
    catalog.update(template, no_fuzzy_matching=True)
    catalog.obsolete.clear()
    return catalog


def missing(catalog: Catalog) -> list[str]:
    """Return what has no complete translation."""
    return [
        str(message.id)
        for message in catalog
        if message.id and (message.fuzzy or not all(strings(message.string)))
    ]


def binary(catalog: Catalog) -> bytes:
    """Return the compiled catalog, the same bytes for the same words."""
    buffer = BytesIO()
    write_mo(buffer, catalog)
    return buffer.getvalue()


def text(catalog: Catalog) -> bytes:
    """Return the catalog as a .po file: sorted and without line numbers, so that it merges."""
    catalog.creation_date = catalog.revision_date = datetime(2026, 1, 1, tzinfo=UTC)
    catalog.header_comment = "# Brazilian Portuguese. `make messages` keeps it in step."
    catalog.project, catalog.version = "ticketsite", ""
    buffer = BytesIO()
    write_po(buffer, catalog, width=96, no_location=True, sort_output=True)
    return buffer.getvalue()


def strings(words: str | tuple[str, ...] | list[str] | None) -> list[str]:
    """Return one string, or the forms of a plural, as a list; nothing is an empty string."""
    return [words or ""] if words is None or isinstance(words, str) else list(words)


def _sources() -> Iterator[Message]:
    for path in _files("*.py", [ROOT / app for app in APPS]):
        yield from _extracted("python", path, path.read_bytes())
    for path in _files("*.html", [ROOT / "templates", *(ROOT / app for app in APPS)]):
        yield from _template(path)


def _scripts() -> Iterator[Message]:
    for path in _files("*.js", [ROOT / app for app in APPS]):
        yield from _extracted("javascript", path, path.read_bytes())


def _theme() -> Iterator[Message]:
    folder = Path(unfold.__file__).parent
    for path in _files("*.py", [folder]):
        if "contrib" not in path.parts:
            yield from _extracted("python", path, path.read_bytes())
    for path in _files("*.html", [folder / "templates"]):
        yield from _template(path)


def _files(pattern: str, folders: list[Path]) -> list[Path]:
    found = [path for folder in folders for path in folder.rglob(pattern)]
    return sorted(path for path in found if not set(OTHERS) & set(path.parts))


def _template(path: Path) -> Iterator[Message]:
    # What is no string was blanked out; its indentation would be a syntax error.
    lines = templatize(path.read_text(), origin=str(path)).splitlines()
    source = "\n".join(line.lstrip() for line in lines)
    yield from _extracted("python", path, source.encode())


def _extracted(method: str, path: Path, source: bytes) -> Iterator[Message]:
    for _line, words, _comments, context in extract(method, BytesIO(source), KEYWORDS):
        yield words, context, path.name


def _known_to_django() -> set[str]:
    """Return what Django's own Brazilian catalogs translate."""
    known: set[str] = set()
    for path in Path(django.__file__).parent.rglob("pt_BR/LC_MESSAGES/django.mo"):
        if "contrib" in path.parts and not CONTRIB & set(path.parts):
            continue  # its words are never loaded
        with path.open("rb") as file:
            catalog: dict[Any, str] = GNUTranslations(file)._catalog  # type: ignore[attr-defined]
        known |= {key[0] if isinstance(key, tuple) else key for key in catalog}
    return known


def main() -> int:
    """Bring the catalogs up to date, and say what is still to be translated."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    todo = 0
    for domain in DOMAINS:
        catalog = updated(domain)
        (FOLDER / f"{domain}.po").write_bytes(text(catalog))
        (FOLDER / f"{domain}.mo").write_bytes(binary(catalog))
        for words in missing(catalog):
            todo += 1
            print(f"{domain}: {words!r} is not translated")
    return 1 if todo else 0


if __name__ == "__main__":
    sys.exit(main())
