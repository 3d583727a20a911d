"""The measures of a run, and the functions that compute them."""
