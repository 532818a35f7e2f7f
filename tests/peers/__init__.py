"""The other side of an association: peers that keep to the standard, and hostile ones."""
