"""What readers do: claims, reading marks, feedback; and what follows from it."""
