"""What it means: tables as frames, the run folder, metrics, explanations."""
