"""Who types a command, for the record of what was decided."""

import os
import pwd


def os_user() -> str:
    """Return the name of this process's user of the operating system, or its number."""
    number = os.getuid()
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return f"uid {number}"
