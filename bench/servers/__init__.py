"""Programs that the rows measure or compare with, each started as its own process."""
