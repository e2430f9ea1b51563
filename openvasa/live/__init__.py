"""Talking portraits in real time: engine, player, server, page, adapters for agents."""
