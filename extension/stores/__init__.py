"""Where chunks go: the protocol that every store fulfils, and what it is handed.

Nothing is imported here.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Protocol

    class Store(Protocol):
        """Puts one object at a time. `warm_up` and `put` run on the uploader's thread, `cancel` on the consumer's."""

        def warm_up(self) -> None:
            """Load what the first `put` would load (TLS context, credentials); touch no network, raise nothing."""

        def put(self, request: PutRequest) -> None:
            """Return when the object is stored; raise `StoreError` otherwise."""

        def cancel(self) -> None:
            """End the attempt in progress, if any: `put` then raises `StoreError` of kind ABANDONED soon.

            After the return not one more byte of that attempt is sent, and no idle connection is reused.
            """


class PutRequest:
    """One object to store. `body` is its bytes, or the path (`str`) of a file that holds them."""

    __slots__ = (
        "body",
        "content_encoding",
        "content_type",
        "key",
        "kms_key",
        "metadata",
        "only_if_absent",
        "owner",
        "sse",
        "tags",
    )

    def __init__(  # noqa: PLR0913 - complete at construction
        self,
        key: str,
        body: bytes | str,
        content_type: str,
        content_encoding: str,
        metadata: dict[str, str],
        *,
        only_if_absent: bool = False,
        owner: str = "",
        sse: str = "",
        kms_key: str = "",
        tags: str = "",
    ) -> None:
        self.key = key
        self.body = body
        self.content_type = content_type
        self.content_encoding = content_encoding  # "" for none
        self.metadata = metadata  # user metadata, ASCII, without the x-amz-meta- prefix
        self.only_if_absent = only_if_absent  # If-None-Match: *; StoreError of kind EXISTS if the key is taken
        self.owner = owner  # account id that must own the bucket; "": any
        self.sse = sse  # AES256 or aws:kms; "": the bucket's default encryption
        self.kms_key = kms_key  # with aws:kms; "": the bucket's, or AWS's own
        self.tags = tags  # as x-amz-tagging holds them: a query; "": none
