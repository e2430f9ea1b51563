"""How a portrait listens: the other's voice in, what it does to a face out."""
