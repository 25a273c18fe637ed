"""The cells of the grid: what each dimension may be, and which of their combinations are tried.

A value of None is a variable that is not set. `FILE` dimensions hold what a file says that a variable names.
"""

from __future__ import annotations

import itertools
import random
from typing import TYPE_CHECKING

from extension.settings import PREFIX

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

Cell = dict[str, str | None]

NO = ("", "false")
BUCKET, REGION, STYLE = f"{PREFIX}S3_BUCKET", f"{PREFIX}S3_REGION", f"{PREFIX}S3_ADDRESSING_STYLE"
KEY, FUNCTION_REGION, CONFIG, TOKEN_FILE = "key", "region of the function", "configuration file", "token file"
FULL_URI, RELATIVE_URI = "AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"
TOKEN = "AWS_CONTAINER_AUTHORIZATION_TOKEN"
LONGEST = "b" * 63

#: Dimension -> its values, the default first: what stands in a Lambda environment where nobody has set anything.
WHERE: dict[str, list[str | None]] = {
    KEY: ["function=f/a.log", "a b+c/ü=&#?%2F/../'(~)!*.log.gz", "//a.log"],
    BUCKET: [
        *("logs", "logs.of.ours", "Old_Bucket", "192.168.5.4", "logs-", "-logs", "a..b", "xn--logs", LONGEST),
        *(
            f"{LONGEST}b",
            "ab",
            "a_b",
            "ALLCAPS",
            "logs--use1-az4--x-s3",
            "logs-s3alias",
            "logs--op-s3",
            "arn:aws:s3:::logs",
        ),
        *("arn:aws:s3:eu-west-1:123456789012:accesspoint/ap", "arn:aws:s3:eu-west-1:123456789012:accesspoint:ap"),
        *(
            "arn:aws:s3::123456789012:accesspoint/mfzwi23gnjvgw.mrap",
            "arn:aws:s3-object-lambda:eu-west-1:1:accesspoint/ap",
        ),
        "arn:aws:s3-outposts:eu-west-1:123456789012:outpost/op-01234567890123456/accesspoint/ap",
    ],
    REGION: [
        *(
            None,
            "",
            "eu-west-1",
            "us-east-1",
            "us-west-2",
            "cn-north-1",
            "us-gov-west-1",
            "us-iso-east-1",
            "us-isob-east-1",
        ),
        *("eu-isoe-west-1", "us-isof-south-1", "eusc-de-east-1", "aws-global", "fips-us-east-1", "us-gov-west-1-fips"),
        *("s3-external-1", "mars-north-1", "EU-WEST-1", "eu_west_1", "12", "-eu"),
    ],
    FUNCTION_REGION: ["eu-west-1", "us-east-1", "cn-northwest-1", None],
    "AWS_REGION": [None, "", "us-west-2"],
    "AWS_ENDPOINT_URL": [
        *(
            None,
            "",
            "http://minio:9000",
            "http://minio:9000/",
            "https://gate/s3/v1/",
            "http://[::1]:9000",
            "https://[fd00::1]",
        ),
        *(
            "http://127.0.0.1:9000",
            "https://h:443",
            "http://h:80",
            "http://h:443",
            "https://me:pw@h",
            "HTTP://Minio:9000",
        ),
        *(
            "http://under_score:9000",
            "https://a.b_c/base",
            "https://h:443/base",
            "http://me@h:80",
            "minio:9000",
            "minio",
            "//minio",
            "http://h/p?x=1",
            "http://h?x=1",
            "http://h/p#f",
        ),
        *(
            "ftp://h",
            "http://h:99999",
            "http://h:port",
            "http://",
            "://h",
            "  ",
            " http://h ",
            "http://h h",
            "http://hö",
            "http://.h",
        ),
        *("https://s3.eu-west-1.amazonaws.com", "https://bucket.vpce-1a2b.s3.eu-west-1.vpce.amazonaws.com"),
        *("https://s3-accelerate.amazonaws.com", "https://s3.dualstack.us-east-1.amazonaws.com"),
    ],
    "AWS_ENDPOINT_URL_S3": [None, "", "http://other:9001", "https://other/base"],
    "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": [None, "", "true", "TRUE", "false", "1", " true"],
    "AWS_USE_FIPS_ENDPOINT": [None, "", "true", "True", "false", "1"],
    "AWS_USE_DUALSTACK_ENDPOINT": [None, "", "true", "TRUE", "false", "yes"],
    "AWS_S3_US_EAST_1_REGIONAL_ENDPOINT": [None, "legacy", "regional"],
    "AWS_S3_USE_ARN_REGION": [None, "true", "false"],
    "AWS_DEFAULTS_MODE": [None, "in-region", "legacy"],
    STYLE: [None, "auto", "path", "virtual"],
    CONFIG: [
        None,
        "[default]\n",
        "[default]\nregion = us-west-2\n",
        *(f"[default]\ns3 =\n    addressing_style = {style}\n" for style in ("path", "virtual", "auto")),
        "[default]\nendpoint_url = http://of-the-file:9000\n",
        "[default]\nca_bundle = /of/the/file.pem\n",
        "[default]\nuse_fips_endpoint = true\n",
    ],
}
PROXIES = [None, "", "http://p:3128", "p:3128", "p", "http://me@p:3128", "http://me:@p:3128", "http://me:pw@p:3128"]
WAY: dict[str, list[str | None]] = {
    "HTTP_PROXY": [*PROXIES, "http://m%40e:p%3Aw%20%25@p", "https://p:3129", "socks4://p:1080"],
    "http_proxy": [None, "", "http://low:3128", "http://:pw@low:3128", "http://other@low"],
    "Http_Proxy": [None, "", "http://mixed:1"],
    "HTTPS_PROXY": [
        *PROXIES,
        "http://m%40e:p%3Aw%20%25@p",
        "//p:3128",
        "http://p:3128/",
        "http://[::2]:3128",
        "https://p:3129",
        "socks5://p",
        "http://p:x",
        "ftp://p",
        "http://:other@p",
    ],
    "https_proxy": [None, "", "http://low:3128", "https://me:pw@low"],
    "Https_Proxy": [None, "", "http://mixed:1"],
    "ALL_PROXY": [None, "http://all:1"],
    "REQUEST_METHOD": [None, "PUT"],
    "NO_PROXY": [
        *(
            None,
            "",
            "*",
            " * ",
            "minio",
            ".minio",
            "minio:9000",
            "MINIO:9000",
            "minio:80",
            "amazonaws.com",
            ".amazonaws.com",
        ),
        *(
            "*.amazonaws.com",
            "s3.eu-west-1.amazonaws.com",
            "amazonaws.com:443",
            "zonaws.com",
            "x, minio ,127.0.0.1",
            "*,minio",
        ),
        *("::1", "[::1]", "[::1]:9000", "127.0.0.0/8", "10.0.0.5", ",", "minio.", "x,h:443 ,y", "h:80"),
    ],
    "no_proxy": [None, "", "*", "minio,amazonaws.com", "amazonaws.com:443,h:80"],
    "No_Proxy": [None, "", "*"],
    "AWS_CA_BUNDLE": [None, "", "  ", "/one.pem"],
    "REQUESTS_CA_BUNDLE": [None, "", "/two.pem"],
    "SSL_CERT_FILE": [None, "/three.pem"],
    "CURL_CA_BUNDLE": [None, "/four.pem"],
}
WHO: dict[str, list[str | None]] = {
    "AWS_ACCESS_KEY_ID": ["AKIAEXAMPLE", None, "", " AKIAEXAMPLE "],
    "AWS_SECRET_ACCESS_KEY": ["secret", None, ""],
    "AWS_SESSION_TOKEN": [None, "", "of-the-session"],
    "AWS_SECURITY_TOKEN": [None, "", "older-name"],
    "AWS_CREDENTIAL_EXPIRATION": [None, "2099-01-01T00:00:00Z", "2020-01-01T00:00:00Z"],
    FULL_URI: [
        *(
            None,
            "",
            "http://127.0.0.1:9001/2021-04-23/credentials",
            "http://127.0.0.1/c?role=logs&x=1",
            "http://localhost:81",
        ),
        *(
            "http://localhost:81/",
            "http://127.0.0.1:81?role=logs",
            "http://127.0.0.1:81/role/",
            "http://[::1]:81/c",
            "https://h/c",
        ),
        *(
            "http://169.254.170.23/v1/credentials",
            "http://[fd00:ec2::23]/v1",
            "http://169.254.170.2/x",
            "http://10.0.0.1/c",
            "http://h/c",
        ),
        *(
            "http://me:pw@127.0.0.1:81/c",
            "127.0.0.1:81/c",
            "http://127.0.0.1:81/c#f",
            "http://127.0.0.1:81/a b",
            "ftp://127.0.0.1/c",
        ),
        "http://127.0.0.1:81//c/../d",
    ],
    RELATIVE_URI: [None, "", "/v2/credentials/x?y=1", "no-slash"],
    TOKEN: [None, "", "Bearer abc", " abc "],
    TOKEN_FILE: [None, "", "from-the-file", "from-the-file\n"],
    "AWS_WEB_IDENTITY_TOKEN_FILE": [None, "/nowhere/token"],
    "AWS_ROLE_ARN": [None, "arn:aws:iam::123456789012:role/x"],
    "AWS_PROFILE": [None, "", "default", "absent"],
    "AWS_SDK_UA_APP_ID": [None, "logs"],
}
DIMENSIONS = {**WHERE, **WAY, **WHO}
DEFAULT: Cell = {name: values[0] for name, values in DIMENSIONS.items()}
CONTAINER: Cell = {
    "AWS_ACCESS_KEY_ID": None,
    "AWS_SECRET_ACCESS_KEY": None,
    FULL_URI: "http://127.0.0.1/c?role=logs&x=1",
}
#: What the values of one dimension are tried in.
SURROUNDINGS: tuple[Cell, ...] = (
    {},
    {**CONTAINER, "HTTPS_PROXY": "http://me:pw@p:3128"},
    {"AWS_ENDPOINT_URL": "http://minio:9000", "HTTP_PROXY": "http://me:pw@p:3128"},
)


def short(cell: Cell) -> Cell:
    """A cell without what stands at its default."""
    return {name: value for name, value in cell.items() if value != DEFAULT[name]}


def environ(cell: Cell, folder: Path) -> dict[str, str]:
    """The process's environment of a cell; what is in files is written into `folder`."""
    made = {name: value for name, value in cell.items() if value is not None and " " not in name and name != KEY}
    made.update({"AWS_EC2_METADATA_DISABLED": "true", "HOME": str(folder), "AWS_LAMBDA_FUNCTION_NAME": "f"})
    if region := cell[FUNCTION_REGION]:
        made.setdefault("AWS_REGION", region)
        made["AWS_DEFAULT_REGION"] = region
    for name, variable in ((CONFIG, "AWS_CONFIG_FILE"), (TOKEN_FILE, f"{TOKEN}_FILE")):
        text = cell[name]
        if text is not None:
            file = folder / variable
            file.write_text(text)
            made[variable] = str(file)
    return made


def singles() -> Iterator[Cell]:
    """Every value of every dimension, the others as in one of the surroundings."""
    for surroundings in SURROUNDINGS:
        for name, values in DIMENSIONS.items():
            for value in values:
                yield {**DEFAULT, **surroundings, name: value}


def drawn(seed: int, number: int) -> Iterator[Cell]:
    """So many cells drawn by a seed: most dimensions are as in one of the surroundings, or all would be refused."""
    chance = random.Random(seed)
    for _ in range(number):
        share = chance.choice((0.04, 0.1, 0.25))
        around = {**DEFAULT, **chance.choice(SURROUNDINGS)}
        yield {
            name: chance.choice(values) if chance.random() < share else around[name]
            for name, values in DIMENSIONS.items()
        }


def crossed(blocks: int = 2) -> Iterator[Cell]:
    """Every pair of dimensions in full, or every `blocks` of them."""
    for names in itertools.combinations(DIMENSIONS, blocks):
        for values in itertools.product(*(DIMENSIONS[name][1:] for name in names)):
            yield {**DEFAULT, **dict(zip(names, values, strict=True))}
