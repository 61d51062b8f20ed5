"""Faces of the service for people: the `relay` command, what it is made of, and the demo."""
