"""What the user wrote: the scenario document, with a file, line and column for everything in it."""
