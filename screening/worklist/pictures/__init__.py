"""The radiographs that the page shows, made in processes of their own."""
