"""What tasks feel: arrivals and queueing as plain numpy functions."""
