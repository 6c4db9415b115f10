"""A faulty network in a box: a TCP proxy with a switch per route, for development and tests only."""
