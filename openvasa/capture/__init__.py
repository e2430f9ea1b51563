"""Real people in front of a lens: cameras and driver videos, and the motion tracked in them."""
