"""What is in place for the course, what that means, and the command that mends what is not."""
