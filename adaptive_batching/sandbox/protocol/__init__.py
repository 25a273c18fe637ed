"""Lambda's rules: states, registry, routes, the Runtime API and the Extensions API."""
