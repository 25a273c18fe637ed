"""Posts each session that was saved to a webhook, as Slack takes it. The table's stream runs it one at a time.

Its variables:
    WEBHOOK_URL    where it posts; nowhere if it is empty
    SLEEP_SECONDS  how long each notification takes, beside the webhook (0)
"""

from __future__ import annotations

import json
import os
import time
import urllib.request
from html import escape
from typing import Any

from trail import Trail

#: Seconds until the webhook has to answer.
PATIENCE = 5.0


def handler(event: dict[str, Any], context: Any) -> None:  # noqa: ANN401 - Lambda's class
    """Notify of each item that is new. One that is written again, for instance after a retry, was told before."""
    for record in event["Records"]:
        if record["eventName"] != "INSERT":
            continue
        item = record["dynamodb"]["NewImage"]
        with Trail(context, item["traceId"]["S"], item["sessionId"]["S"]) as trail:
            _notify(item["subject"]["S"], trail)


def _notify(subject: str, trail: Trail) -> None:
    trail.info("notifying", milestone="NOTIFICATION_RECEIVED")
    url = os.environ.get("WEBHOOK_URL")
    if not url:
        trail.warning("nobody is notified: the parameter WebhookUrl is empty")
        return
    with trail.span("Sessions.notifySlack"):
        time.sleep(float(os.environ.get("SLEEP_SECONDS") or 0))
        with trail.request("Webhook.Post"):
            _post(url, {"text": f"New session: {escape(subject, quote=False)}"})
    trail.info("notified", milestone="SLACK_NOTIFICATION_NEW_SESSION_SENT")


def _post(url: str, body: dict[str, str]) -> None:
    """Raise an exception that does not tell the URL, which is a secret, unless the answer is 2xx."""
    if not url.startswith(("https://", "http://")):
        raise ValueError("WEBHOOK_URL does not begin with https:// or http://")
    request = urllib.request.Request(  # noqa: S310 - its scheme was looked at
        url, data=json.dumps(body).encode(), headers={"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=PATIENCE) as answer:  # noqa: S310 - as above
        answer.read()
