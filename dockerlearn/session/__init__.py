"""A learner's way through a lesson: between the course, the engine and the store. Knows no terminal."""
