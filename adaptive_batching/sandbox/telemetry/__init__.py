"""The platform's events and how they reach subscribers and CloudWatch."""
