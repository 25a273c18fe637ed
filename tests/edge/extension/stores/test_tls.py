"""Which certificates are trusted: real files, real contexts."""

from __future__ import annotations

import re
import ssl
from pathlib import Path

import botocore
import pytest

from extension.errors import StoreError
from extension.stores import tls
from tests.fakes.network.certificates import TestAuthority

S3 = "logs.s3.eu-west-1.amazonaws.com"
AMAZON = {
    "Amazon Root CA 1",
    "Amazon Root CA 2",
    "Amazon Root CA 3",
    "Amazon Root CA 4",
    "Starfield Services Root Certificate Authority - G2",
}


def names(context: ssl.SSLContext) -> set[str]:
    """The common names of what a context trusts."""
    return {
        part[1] for root in context.get_ca_certs() for rdn in root["subject"] for part in rdn if part[0] == "commonName"
    }


def test_aws_is_verified_by_amazon_s_five_roots_and_by_nothing_else() -> None:
    said: list[str] = []
    context = tls.context_for(S3, {}, said.append)
    assert names(context) == AMAZON
    assert context.cert_store_stats()["x509_ca"] == 5
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname
    assert said == []


def test_the_five_roots_are_those_that_botocore_trusts_too() -> None:
    theirs = Path(botocore.__file__).with_name("cacert.pem").read_text()

    def certificates(text: str) -> set[bytes]:
        blocks = re.findall(r"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", text, re.DOTALL)
        return {ssl.PEM_cert_to_DER_cert(block) for block in blocks}

    ours = certificates(Path(tls.AMAZON_ROOTS).read_text())
    assert len(ours) == 5
    assert ours <= certificates(theirs)


@pytest.mark.parametrize("host", ["minio.example", "s3.cn-north-1.amazonaws.com.cn", "xamazonaws.com", "127.0.0.1"])
def test_another_host_is_verified_by_the_host_s_own_bundle(host: str, tmp_path: Path) -> None:
    authority = TestAuthority(tmp_path)
    context = tls.context_for(host, {"SSL_CERT_FILE": str(authority.bundle)}, print)
    assert names(context) == {"Authority of a test"}


def test_the_given_bundle_goes_before_amazon_s_roots(tmp_path: Path) -> None:
    authority = TestAuthority(tmp_path)
    context = tls.context_for(S3, {"AWS_CA_BUNDLE": str(authority.bundle)}, print)
    assert names(context) == {"Authority of a test"}


@pytest.mark.parametrize("content", [None, "", "no certificate here\n"])
def test_a_bundle_without_certificates_counts_as_absent_and_that_is_said(tmp_path: Path, content: str | None) -> None:
    file = tmp_path / "bundle.pem"
    if content is not None:
        file.write_text(content)
    said: list[str] = []
    context = tls.context_for(S3, {"AWS_CA_BUNDLE": str(file)}, said.append)
    assert names(context) == AMAZON
    assert len(said) == 1
    assert repr(str(file)) in said[0]


@pytest.mark.parametrize("variable", ["AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE"])
@pytest.mark.parametrize("form", ["comments", "line ends", "byte order mark"])
def test_a_bundle_may_be_written_in_the_ways_of_editors(tmp_path: Path, variable: str, form: str) -> None:
    text = TestAuthority(tmp_path).bundle.read_bytes()
    file = tmp_path / "other.pem"
    forms = {
        "comments": b"# of our proxy\n\n" + text + b"\nthe end\n",
        "line ends": text.replace(b"\n", b"\r\n"),
        "byte order mark": b"\xef\xbb\xbf# mark\n" + text,
    }
    file.write_bytes(forms[form])
    said: list[str] = []
    assert names(tls.context_for(S3, {variable: str(file)}, said.append)) == {"Authority of a test"}
    assert said == []


def test_of_two_bundles_that_cannot_be_read_each_is_said_by_its_variable(tmp_path: Path) -> None:
    folder, broken = str(tmp_path), tmp_path / "broken.pem"
    broken.write_text("-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n")
    said: list[str] = []
    tls.context_for(S3, {"AWS_CA_BUNDLE": folder, "REQUESTS_CA_BUNDLE": str(broken)}, said.append)
    assert [one.partition(" ")[0] for one in said] == ["AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE"]


def test_a_file_that_loads_and_holds_only_a_revocation_list_counts_as_absent(tmp_path: Path) -> None:
    file = tmp_path / "list.pem"
    file.write_bytes(TestAuthority(tmp_path).revocations())
    assert tls.load(str(file)) is None


def test_no_certificates_anywhere_is_a_matter_of_configuration(tmp_path: Path) -> None:
    with pytest.raises(StoreError) as caught:
        tls.first_of([str(tmp_path / "gone")], {}, print)
    assert caught.value.kind == StoreError.CONFIGURATION
