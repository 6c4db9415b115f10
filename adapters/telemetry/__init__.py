"""What a process tells about itself: logs, metrics, probes and traces."""
