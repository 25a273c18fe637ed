"""The extension's settings, told by a test."""

from extension.settings import PREFIX, Settings, from_environ

ID = "1234abcd-12ab-34cd-56ef-1234567890ab"
KEYS = [
    ID,
    "mrk-1234abcd12ab34cd56ef1234567890ab",
    f"arn:aws:kms:eu-west-1:111122223333:key/{ID}",
    "arn:aws:kms:eu-west-1:111122223333:key/mrk-1234abcd12ab34cd56ef1234567890ab",
    "alias/logs/of_ours-1",
    "alias/aws/s3",
    "alias/" + "a" * 250,  # 256 characters, as many as an alias may have
    "arn:aws:kms:eu-west-1:111122223333:alias/logs",
]
NO_KEY = "that is not a KMS key: its id, its ARN, alias/NAME or the alias's ARN names it"
WELL = {PREFIX + "S3_BUCKET": "a-bucket", "AWS_REGION": "eu-west-1"}


def read(**values: str) -> Settings:
    return from_environ(WELL | {PREFIX + name: value for name, value in values.items()})


def only_problem(**values: str) -> str:
    (problem,) = read(**values).problems
    return problem
