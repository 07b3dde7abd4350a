"""What people look at: plots that take ``ax``, the terminal summary, the one-file HTML report."""
