"""The gallery over HTTP: a route parses, calls the Recognizer once, and answers."""
