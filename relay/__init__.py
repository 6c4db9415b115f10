"""Starts, signals, resumes and repeats workflows for what was recorded and not yet done."""
