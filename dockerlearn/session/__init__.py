"""A learner's way through a lesson: the state machine between the course, the engine and the store. Knows no terminal."""
