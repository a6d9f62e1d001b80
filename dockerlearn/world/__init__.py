"""What a check can see: the engine, the workspace and published ports at one moment."""
