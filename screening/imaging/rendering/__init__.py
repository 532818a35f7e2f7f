"""From stored values to the grey levels of a radiograph: windows, tables, and files of images."""
