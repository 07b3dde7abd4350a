"""What happened: event kinds and packed append-only tables."""
