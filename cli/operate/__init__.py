"""Commands of operators over many workflows."""
