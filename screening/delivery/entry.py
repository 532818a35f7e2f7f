"""A destination as the settings name it: what all kinds have in common."""

from pydantic import BaseModel, ConfigDict, Field

DEFAULT_KIND = "c-store"


class DestinationSettings(BaseModel):
    """One destination of reports; each kind adds the keys that it needs."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=r"^[A-Za-z0-9_.-]{1,32}$")
    kind: str = DEFAULT_KIND
    profile: str = "comprehensive"
    """Which rendering it takes."""

    @property
    def confirms(self) -> bool:
        """Whether it is to confirm that it keeps what it took; retention waits for that."""
        return False
