"""What the sandbox's edge tests share: small functions and extensions that were not written with our code."""

from __future__ import annotations

import stat
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from adaptive_batching.sandbox.function import Function
from adaptive_batching.sandbox.lifecycle.environment import Environment
from adaptive_batching.sandbox.options import Options

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).resolve().parents[3]
AWSLAMBDARIC = ROOT / "build/runtime/awslambdaric"

#: Does what the event says, in this order.
FUNCTION = """
import json, logging, os, subprocess, sys, time
logging.getLogger().setLevel("INFO")

def handler(event, context):
    if "print" in event: sys.stdout.write(event["print"] + "\\n"); sys.stdout.flush()  # one write: threads may race
    if "log" in event: logging.info(event["log"])
    if "flood" in event: sys.stdout.write("x" * event["flood"] + "\\n"); sys.stdout.flush()
    if "write" in event: open(os.path.join(os.environ.get("TMPDIR", "/tmp"), event["write"]), "w").close()
    if "spawn" in event: subprocess.Popen(["sleep", "600"])
    if "sleep" in event: time.sleep(event["sleep"])
    if "raise" in event: raise ValueError(event["raise"])
    if "exit" in event: os._exit(event["exit"])
    folder = os.environ.get("TMPDIR", "/tmp")
    return {"tmp": sorted(os.listdir(folder)), "environ": dict(os.environ), "id": context.aws_request_id}
"""

#: Registers, subscribes, polls; says on stdout what it gets. Settings come as variables of the function.
EXTENSION = """#!/usr/bin/env python3
import http.client, http.server, json, os, sys, threading, time

api = os.environ["AWS_LAMBDA_RUNTIME_API"]
name = os.path.basename(sys.argv[0])

def call(method, path, body=None, **headers):
    connection = http.client.HTTPConnection(api)
    headers = {key.replace("_", "-"): value for key, value in headers.items()}
    connection.request(method, path, None if body is None else json.dumps(body), headers)
    answer = connection.getresponse()
    return answer.status, answer.headers, answer.read()

if os.environ.get("EXIT_BEFORE_REGISTER"): sys.exit(7)
events = json.loads(os.environ.get("EVENTS", '["INVOKE", "SHUTDOWN"]'))
status, headers, body = call("POST", "/2020-01-01/extension/register", {"events": events},
                             Lambda_Extension_Name=name)
me = {"Lambda_Extension_Identifier": headers["Lambda-Extension-Identifier"]}

class Listener(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()
    def log_message(self, *_): pass

server = http.server.ThreadingHTTPServer(("", 0), Listener)
threading.Thread(target=server.serve_forever, daemon=True).start()
types = json.loads(os.environ.get("TYPES", '["platform", "function", "extension"]'))
status, _, body = call("PUT", "/2022-07-01/telemetry", {
    "schemaVersion": "2025-01-29", "types": types, "buffering": {"timeoutMs": 25, "maxItems": 1000,
    "maxBytes": 262144},
    "destination": {"protocol": "HTTP", "URI": "http://sandbox.localdomain:%d/" % server.server_address[1]}}, **me)
print("subscribe", status, body.decode().strip(), flush=True)
if os.environ.get("INIT_ERROR"):
    call("POST", "/2020-01-01/extension/init/error", {},
         Lambda_Extension_Function_Error_Type="Extension.NoConfig", **me)
    sys.exit(1)
while True:
    status, headers, body = call("GET", "/2020-01-01/extension/event/next", **me)
    event = json.loads(body)
    print(event["eventType"], json.dumps(event), flush=True)
    if event["eventType"] == "SHUTDOWN":
        time.sleep(float(os.environ.get("LINGER", "0")))
        sys.exit(0)
    time.sleep(float(os.environ.get("HOLD", "0")))
    if os.environ.get("CRASH"): os._exit(9)
"""


def function(folder: Path, extensions: dict[str, str] | None = None, **changes: object) -> Function:
    """Write a function and a layer with extensions below a folder; return the function."""
    code = folder / "code"
    code.mkdir()
    (code / "app.py").write_text(FUNCTION)
    layer = folder / "layer"
    (layer / "extensions").mkdir(parents=True)
    for name, text in ({"tiny": EXTENSION} if extensions is None else extensions).items():
        file = layer / "extensions" / name
        file.write_text(text)
        file.chmod(file.stat().st_mode | stat.S_IXUSR)
    return replace(Function(code, layers=(layer,)), **changes)  # type: ignore[arg-type]


def environment(function: Function, **changes: object) -> Environment:
    return Environment(function, replace(Options(awslambdaric=AWSLAMBDARIC), **changes))  # type: ignore[arg-type]


def records(environment: Environment, *kinds: str) -> list[dict[str, Any]]:
    """Return what was delivered, in order, of some types or of all."""
    delivered = [record for delivery in environment.deliveries for record in delivery.records]
    return [one for one in delivered if not kinds or one["type"] in kinds]


def types(environment: Environment) -> list[str]:
    """Return the types of the platform events that were delivered, without `platform.`."""
    found = [one["type"] for one in records(environment)]
    return [one.removeprefix("platform.") for one in found if one.startswith("platform.")]


def eventually(condition: Callable[[], object], seconds: float = 30.0) -> None:
    """Wait until a condition holds; fail at the deadline."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "the condition did not come true in time"
        time.sleep(0.005)


def process_state(pid: int) -> str:
    """Return the letter of /proc/<pid>/stat, "" when there is no such process."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return ""
