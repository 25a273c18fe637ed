"""The events of the platform, and their delivery to subscribers and CloudWatch."""
