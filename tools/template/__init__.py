"""What is written into template.yaml and the templates in deploy/."""
