"""Says why something is usually not as it should be, and what to do next, where no author's mistake says it."""
