"""Many videos: lists of tasks, workers that make them, and a table of what came out."""
