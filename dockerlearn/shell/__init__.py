"""The learner's own shell on a pty, with marks that tell when a command begins and ends; knows no lessons."""
