"""Both stores through a proxy, as every AWS tool uses one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from extension.errors import StoreError
from tests.edge.extension.stores.conftest import MakeStore, an_object
from tests.edge.extension.stores.container import ContainerEndpoint
from tests.fakes.network.certificates import TestAuthority
from tests.fakes.network.proxy import Proxy
from tests.fakes.s3 import BUCKET
from tests.fakes.s3_scripted import ScriptedS3

if TYPE_CHECKING:
    from pathlib import Path


def test_plain_http_is_asked_for_in_absolute_form(make_store: MakeStore) -> None:
    with ScriptedS3() as s3, Proxy() as proxy:
        store = make_store({**s3.environ(), "HTTP_PROXY": f"http://127.0.0.1:{proxy.port}"})
        store.put(an_object("a.log"))
        store.put(an_object("b.log"))
        assert proxy.noted == [f"PUT {s3.endpoint}/{BUCKET}/{key}.log" for key in "ab"]
        assert len(s3.objects) == 2


@pytest.mark.parametrize("kind", ["boto3", "auto"])
@pytest.mark.parametrize(
    ("style", "address"), [("virtual", f"http://{BUCKET}.store.test/"), ("path", f"http://store.test/{BUCKET}/")]
)
def test_the_addressing_style_of_the_users_configuration_file_decides_where_there_is_an_endpoint(
    make_store: MakeStore, tmp_path: Path, style: str, address: str
) -> None:
    file = tmp_path / "config"
    file.write_text(f"[default]\ns3 =\n    addressing_style = {style}\n")
    with ScriptedS3() as s3, Proxy() as proxy:
        more = {"AWS_ENDPOINT_URL_S3": "http://store.test", "HTTP_PROXY": f"http://127.0.0.1:{proxy.port}"}
        with pytest.raises(StoreError):  # nobody has that name
            make_store({**s3.environ(), **more, "AWS_CONFIG_FILE": str(file)}).put(an_object("a.log"))
        assert proxy.noted == [f"PUT {address}a.log"]


@pytest.mark.parametrize("kind", ["light", "boto3"])
@pytest.mark.parametrize(
    ("style", "address"), [("virtual", f"http://{BUCKET}.store.test/"), ("path", f"http://store.test/{BUCKET}/")]
)
def test_the_setting_of_the_addressing_style_wins_over_the_configuration_file(
    make_store: MakeStore, tmp_path: Path, style: str, address: str
) -> None:
    file = tmp_path / "config"
    other = {"virtual": "path", "path": "virtual"}[style]
    file.write_text(f"[default]\ns3 =\n    addressing_style = {other}\n")
    with ScriptedS3() as s3, Proxy() as proxy:
        more = {"AWS_ENDPOINT_URL_S3": "http://store.test", "HTTP_PROXY": f"http://127.0.0.1:{proxy.port}"}
        with pytest.raises(StoreError):  # nobody has that name
            make_store({**s3.environ(), **more, "AWS_CONFIG_FILE": str(file)}, style=style).put(an_object("a.log"))
        assert proxy.noted == [f"PUT {address}a.log"]


def test_tls_goes_through_a_tunnel(make_store: MakeStore, tmp_path: Path) -> None:
    authority = TestAuthority(tmp_path)
    with ScriptedS3(context=authority.server_context("127.0.0.1")) as s3, Proxy() as proxy:
        environ = {"AWS_CA_BUNDLE": str(authority.bundle), "https_proxy": f"127.0.0.1:{proxy.port}"}
        store = make_store({**s3.environ(), **environ})
        store.put(an_object("a.log"))
        store.put(an_object("b.log"))
        assert proxy.noted == [f"CONNECT 127.0.0.1:{s3.port}"]  # kept, too
        assert len(s3.objects) == 2


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_proxy_with_a_password_gets_it(make_store: MakeStore, tmp_path: Path, scheme: str) -> None:
    authority = TestAuthority(tmp_path)
    context = authority.server_context("127.0.0.1") if scheme == "https" else None
    with ScriptedS3(context=context) as s3, Proxy("user:p@ss word") as proxy:
        address = f"http://user:p%40ss%20word@127.0.0.1:{proxy.port}"
        environ = {"AWS_CA_BUNDLE": str(authority.bundle), f"{scheme}_proxy": address}
        make_store({**s3.environ(), **environ}).put(an_object())
        assert len(s3.objects) == 1
        assert len(proxy.noted) == 1


def test_a_proxy_that_refuses_the_tunnel_is_a_transport_error_and_its_password_stays_secret(
    make_store: MakeStore, tmp_path: Path
) -> None:
    authority = TestAuthority(tmp_path)
    with ScriptedS3(context=authority.server_context("127.0.0.1")) as s3, Proxy("user:right") as proxy:
        address = f"http://user:wrong-secret@127.0.0.1:{proxy.port}"
        store = make_store({**s3.environ(), "AWS_CA_BUNDLE": str(authority.bundle), "HTTPS_PROXY": address})
        with pytest.raises(StoreError) as caught:
            store.put(an_object())
        assert caught.value.kind == StoreError.TRANSPORT
        assert "wrong-secret" not in str(caught.value)
        assert s3.requests == []


@pytest.mark.parametrize("exception", ["127.0.0.1", "localhost, 127.0.0.1", "*"])
def test_no_proxy_leads_past_it(make_store: MakeStore, exception: str) -> None:
    with ScriptedS3() as s3, Proxy() as proxy:
        environ = {"HTTP_PROXY": f"http://127.0.0.1:{proxy.port}", "NO_PROXY": exception}
        make_store({**s3.environ(), **environ}).put(an_object())
        assert proxy.noted == []
        assert len(s3.objects) == 1


def test_the_container_endpoint_is_asked_without_it(make_store: MakeStore) -> None:
    with ScriptedS3() as s3, Proxy() as proxy, ContainerEndpoint(["2099-01-01T00:00:00Z"]) as container:
        address = f"http://127.0.0.1:{proxy.port}"
        store = make_store({**container.environ(), "AWS_ENDPOINT_URL_S3": s3.endpoint, "HTTP_PROXY": address})
        store.put(an_object())
        assert len(s3.objects) == 1
        assert [line for line in proxy.noted if "credentials" in line] == []
