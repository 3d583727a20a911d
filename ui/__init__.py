"""Show the answer: the command line and the web chat."""
