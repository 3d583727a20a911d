"""Measures of a run, and the functions behind them."""
