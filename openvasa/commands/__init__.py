"""The commands: one module each, or for each family, and modules of options that they share."""
