"""What peers ask for: a module for each operation."""
