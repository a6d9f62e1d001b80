"""An interactive tutor for Docker that verifies each step on the learner's own engine."""

__version__ = "0.1.0"
