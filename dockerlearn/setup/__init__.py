"""Brings a world to the state that a step begins with, and takes the course's things away again."""
