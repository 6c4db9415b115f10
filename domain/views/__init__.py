"""Schemas of the read models: written by the projection, returned by the queries, documented by the API."""
