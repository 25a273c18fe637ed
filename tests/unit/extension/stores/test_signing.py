"""The signature against botocore's, which was written by others from the same specification."""

from __future__ import annotations

import string
import time
from urllib.parse import unquote

from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as TheirCredentials
from botocore.utils import percent_encode
from hypothesis import given
from hypothesis import strategies as st

from extension.stores.credentials import Credentials
from extension.stores.signing import quote_path, sign

ODD = " =+~%/&?#;,:@!$'()*[]{}<>|\\^`\"._-"
KEYS = st.text(st.sampled_from(ODD + "aZ09äß日🦆\x01\t"), min_size=1) | st.text(
    st.characters(exclude_categories=["Cs"]), min_size=1
)
NAMES = st.text(string.ascii_lowercase + string.digits + "-", min_size=1, max_size=20)
VALUES = st.text(string.ascii_letters + string.digits + string.punctuation + "  ", max_size=40)
SECRETS = st.text(string.ascii_letters + string.digits + "/+=", min_size=1, max_size=60)
REGIONS = st.sampled_from(["us-east-1", "eu-west-1", "cn-north-1", "us-gov-west-1", "ap-southeast-5", "local"])
HOSTS = st.sampled_from(
    ["b.s3.eu-west-1.amazonaws.com", "127.0.0.1:9000", "s3.cn-north-1.amazonaws.com.cn", "[::1]:80"]
)


@given(key=KEYS)
def test_a_quoted_key_is_what_botocore_puts_into_the_url_and_reads_back_as_itself(key: str) -> None:
    quoted = quote_path(key)
    assert quoted == percent_encode(key, safe="/~")
    assert unquote(quoted) == key


def test_a_lone_surrogate_becomes_a_question_mark() -> None:
    assert quote_path("a\udcffb") == "a%3Fb"


@given(
    key=KEYS,
    host=HOSTS,
    metadata=st.dictionaries(NAMES, VALUES, max_size=5),
    content_type=VALUES,
    payload_hash=st.binary(min_size=32, max_size=32).map(bytes.hex),
    region=REGIONS,
    access_key=st.text(string.ascii_uppercase + string.digits, min_size=16, max_size=24),
    secret_key=SECRETS,
    token=st.just("") | SECRETS,
    moment=st.floats(0, 4e9),
)
def test_the_signature_is_the_one_that_botocore_computes(
    *,
    key: str,
    host: str,
    metadata: dict[str, str],
    content_type: str,
    payload_hash: str,
    region: str,
    access_key: str,
    secret_key: str,
    token: str,
    moment: float,
) -> None:
    path = quote_path(f"/{key}")
    headers = {"host": host, "content-type": content_type}
    headers |= {f"x-amz-meta-{name}": value for name, value in metadata.items()}
    ours = sign(path, headers, payload_hash, region, Credentials(access_key, secret_key, token), moment)

    theirs = AWSRequest("PUT", f"https://{host}{path}", headers=headers)
    theirs.headers["X-Amz-Content-SHA256"] = payload_hash
    theirs.context["timestamp"] = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(moment))
    theirs.headers["X-Amz-Date"] = theirs.context["timestamp"]
    if token:
        theirs.headers["X-Amz-Security-Token"] = token
    auth = S3SigV4Auth(TheirCredentials(access_key, secret_key, token or None), "s3", region)
    signature = auth.signature(auth.string_to_sign(theirs, auth.canonical_request(theirs)), theirs)

    assert ours["authorization"].endswith(f"Signature={signature}")
    assert ours["authorization"].startswith(f"AWS4-HMAC-SHA256 Credential={auth.scope(theirs)}, SignedHeaders=")
    signed = ours["authorization"].partition("SignedHeaders=")[2].partition(",")[0].split(";")
    assert signed == sorted(set(ours) - {"authorization"})
    assert {name: ours[name] for name in headers} == headers
    assert ours.get("x-amz-security-token", "") == token


def test_the_example_of_the_s3_reference() -> None:
    """`PUT Object` of "Examples: Signature Calculations in AWS Signature Version 4"."""
    headers = {
        "host": "examplebucket.s3.amazonaws.com",
        "date": "Fri, 24 May 2013 00:00:00 GMT",
        "x-amz-storage-class": "REDUCED_REDUNDANCY",
    }
    signed = sign(
        quote_path("/test$file.text"),
        headers,
        "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072",
        "us-east-1",
        Credentials("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"),
        1369353600.0,
    )
    assert signed["authorization"].endswith(
        "Signature=98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd"
    )
