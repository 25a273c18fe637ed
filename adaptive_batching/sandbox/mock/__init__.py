"""A web service that answers as it is told, in WireMock's format."""
