"""How AWS says it: names, API-shaped documents and the API's own request checks."""
