"""Load generators: buyers, concurrent callers, raw HTTP connections."""
