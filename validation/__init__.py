"""Published measurements of Amazon ECS, run as scenarios and held against what was measured."""
