"""The parts of a process, made from its settings: a front door only connects, polls and stops."""
