"""Temporal: the workflow sandbox and the routing of builds."""
