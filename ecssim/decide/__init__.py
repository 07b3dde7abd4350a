"""How ECS decides: pure functions ``(view, now, policy) -> record with its reasons``."""
