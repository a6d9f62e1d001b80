"""The tutor that rides along in the learner's own shell."""
