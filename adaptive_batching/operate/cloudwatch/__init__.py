"""Denying a function's role its log group in CloudWatch, whose lines are paid for too; and allowing it again."""
