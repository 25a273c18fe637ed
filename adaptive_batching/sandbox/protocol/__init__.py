"""The rules of Lambda: states, registry, routes, the Runtime API and the Extensions API."""
