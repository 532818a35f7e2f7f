"""The address of a study in the site's own viewer, from a template."""

from string import Formatter
from urllib.parse import quote, urlsplit

PLACEHOLDERS = frozenset({"study_instance_uid", "accession_number"})
SCHEMES = frozenset({"http", "https"})
EXAMPLE = "https://pacs.example/viewer?study={study_instance_uid}"


def check_viewer_template(template: str) -> str:
    """Return a template as it is; "" for none.

    Raises ValueError where it is no address of a web page, or names something else than
    PLACEHOLDERS.
    """
    if not template:
        return template
    expected = f"expected an address such as {EXAMPLE}"
    try:
        parts = list(Formatter().parse(template))
        address = urlsplit(template)
    except ValueError:
        raise ValueError(f"{expected}, found one that cannot be read") from None
    plain = all(not style and not conversion for _, _, style, conversion in parts)
    names = {name for _, name, _, _ in parts if name is not None}
    if not plain or not names or not names <= PLACEHOLDERS:
        known = " or ".join(f"{{{name}}}" for name in sorted(PLACEHOLDERS))
        raise ValueError(f"{expected}, with {known}; found other placeholders, or none")
    if address.scheme not in SCHEMES or not address.hostname or "{" in address.netloc:
        raise ValueError(f"{expected}, found another scheme or no host")
    return template


def viewer_address(template: str, *, study_instance_uid: str, accession_number: str) -> str:
    """Return the address of a study in the viewer; "" without a template.

    Values are percent-encoded (RFC 3986 section 2.1): none can change what the address means.
    """
    return template.format(
        study_instance_uid=quote(study_instance_uid, safe=""),
        accession_number=quote(accession_number, safe=""),
    )
