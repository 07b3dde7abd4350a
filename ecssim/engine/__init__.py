"""How time passes: the only room where SimPy lives."""
