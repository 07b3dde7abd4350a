"""How people call it: thin commands over the other rooms."""
