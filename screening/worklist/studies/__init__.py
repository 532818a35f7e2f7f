"""What the page reads of studies: their order, a selection of them, one in detail."""
