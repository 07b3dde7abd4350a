"""What happens over many runs: variants x seeds, statistics, comparison."""
