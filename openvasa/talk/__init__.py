"""A conversation with a live portrait: hear, understand, answer, speak, and be interrupted."""
