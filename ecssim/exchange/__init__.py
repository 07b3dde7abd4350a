"""How it talks to the outside: importers and exporters."""
