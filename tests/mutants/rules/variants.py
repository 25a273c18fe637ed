"""Rules of sections 8 and 9: fail open, Managed Instances, SnapStart."""

from __future__ import annotations

from tests.mutants.rules.removal import removal

OURS = "except Exception as error:  # noqa: BLE001 - "
NEVER = "except ZeroDivisionError as error:  # noqa: BLE001 - "
OUT_OF_THREADS = "            except RuntimeError:  # out of threads: the platform sends it again\n"
OWN_WORD = "                if named in self._seen:\n                    return named\n"
MAY_UPLOAD = "return bool(self._hold or running or self._managed or self._leave_at is not None)"
RESTORED = 'restored=self._restored if started.initialization_type == "snap-start" else None,'
BATCHER = "        batches = Batcher(settings, self._origin, _unique, self._new_body)\n"
SHARED = "chunk.shared = self._restored is not None and not self._request and reason != batcher.RESTORE"
WARM = "self._trust(endpoint.resolve(self._bucket, self._region, self._environ))"
IDLE = "max(now[0] - since[0], now[1] - since[1]) > IDLE_SECONDS"
ELAPSED = "max(now.mono - before.mono, now.wall - before.wall, 0.0)"

#: To each rule the ways to take it out: a file, the text there, and what stands instead.
WAYS: dict[str, tuple[tuple[str, str, str], ...]] = {
    "one fault is said, counted and survived": (
        ("consumer.py", f"{OURS}one fault", f"{NEVER}one fault"),
        ("consumer.py", "        self._shipper.accounts.errors += 1\n", ""),
        ("consumer.py", '"".join(traceback.format_exception(type(error), error, error.__traceback__))', "repr(error)"),
        ("consumer.py", 'say("error", "a fault of the extension; it goes on", {"why": why})', "pass"),
        ("consumer.py", "            self._faults = 0\n", "            pass\n"),
        ("consumer.py", "        if isinstance(item, Polled):\n            self._poller.release()\n", ""),
    ),
    "a batch whose reading raises is lost alone: set aside, counted": (
        ("consumer.py", "            self._environment.set_aside(unread.serial)\n", ""),
        ("consumer.py", "            self.taken.insert(0, events.Shed(unread.records, unread.size))\n", ""),
        ("environment.py", "            self._journal.set_aside(serial, serial)\n", "            pass\n"),
    ),
    "two in a row: the loop that only polls": (
        ("consumer.py", "if item and not isinstance(item, events.Shed):", "if True:"),
        ("consumer.py", "if self._faults > 1:", "if self._faults > 10**9:"),
        ("consumer.py", "            raise error\n", "            raise SystemExit\n"),
        ("app.py", f"{OURS}whatever is wrong", f"{NEVER}whatever is wrong"),
        ("app.py", "    poller.release()  # the invocation", "    # the invocation"),
        ("app.py", "                poller.release()\n", "                pass\n"),
        (
            "app.py",
            "taken, unshipped = consumer.taken, consumer.waiting_records",
            "unshipped = consumer.waiting_records",
        ),
    ),
    "a fault in what the end needs does not keep the process": (
        ("consumer.py", "return 0 if self.leaving and not self.taken else -1", "return -1"),
        ("app.py", "if consumer.leaving:", "if False:"),
    ),
    "after two in a row what still comes is journalled, and what is lost is said": (
        (
            "app.py",
            "        else:\n            started.keeper.open(None, None)",
            "        if True:\n            started.keeper.open(None, None)",
        ),
        ("app.py", "                unshipped += batch.records\n", "                pass\n"),
        ("app.py", "taken, unshipped = consumer.taken, consumer.waiting_records", "taken = consumer.taken"),
        ("app.py", "                if unshipped:\n", "                if False:\n"),
    ),
    "a fault of the store's is an outcome": (
        ("uploader.py", f"{OURS}a fault of ours", f"{NEVER}a fault of ours"),
        ("uploader.py", "except StoreError as error:", "except ConnectionError as error:"),
    ),
    "a fault while a body is kept costs its connection, not the 200": (
        (
            "listener.py",
            "self._keep(body)\n                connection.sendall(OK)",
            "connection.sendall(OK)\n                self._keep(body)",
        ),
        (
            "listener.py",
            "            connection.close()\n            with self._lock:\n                self._places += 1\n\n\n",
            "            connection.close()\n\n\n",
        ),
        ("listener.py", "        finally:\n            connection.close()\n", "        finally:\n"),
    ),
    "a dead listener is started again on its port": (
        ("listener.py", f"{OURS}without a listener", f"{NEVER}without a listener"),
        (
            "listener.py",
            "                self._socket = _bound(self.port)\n",
            "                self._socket = _bound(0)\n",
        ),
        (
            "listener.py",
            '                say("error", "the listener has died; it is started again", {"why": repr(error)})\n',
            "",
        ),
        ("listener.py", "                if error.errno not in PASSING:\n                    raise\n", ""),
        ("listener.py", OUT_OF_THREADS, OUT_OF_THREADS.replace("RuntimeError", "ZeroDivisionError")),
        (
            "listener.py",
            "                with self._lock:\n                    self._places += 1\n                time.sleep",
            "                time.sleep",
        ),
    ),
    "a fault of `event/next` is no end": (
        ("poller.py", "if failures >= PATIENCE:", "if failures:"),
        ("poller.py", "                if failures:\n                    self._calls.ask_next()\n", ""),
        (
            "poller.py",
            "            except ApiError:\n                failures = 1\n",
            "            except ApiError:\n                return\n",
        ),
    ),
    "a module that does not load leaves the function alive": (
        ("__main__.py", f"{OURS}whatever is wrong", f"{NEVER}whatever is wrong"),
        ("../layer/boot.py", f"{OURS}whatever is broken", f"{NEVER}whatever is broken"),
        ("__main__.py", "minimal.run(repr(error), calls.identifier)", "minimal.run(repr(error))"),
    ),
    "Managed Instances: SHUTDOWN alone is registered": (
        ("startup.py", '("SHUTDOWN",) if started.managed else ("INVOKE", "SHUTDOWN")', '("INVOKE", "SHUTDOWN")'),
        ("startup.py", 'return self.initialization_type == "lambda-managed-instances"', "return False"),
    ),
    "Managed Instances: the request comes from the record": (("telemetry.py", OWN_WORD, "                continue\n"),),
    "Managed Instances: the invoke threshold counts `platform.start`": (
        (
            "shipper.py",
            "            for _ in received.started:\n                self._batcher.invoked()\n",
            "            pass\n",
        ),
        ("shipper.py", "        if self._managed:\n            for _", "        if True:\n            for _"),
    ),
    "Managed Instances: time drives the rest": (
        ("shipper.py", MAY_UPLOAD, MAY_UPLOAD.replace(" or self._managed", "")),
        ("environment.py", "            managed=started.managed,\n", ""),
    ),
    "SnapStart: an environment id of its own after the restore": (
        ("shipper.py", "            self._restored()\n", ""),
        ("shipper.py", "        if first and self._restored:\n", "        if self._restored:\n"),
        ("shipper.py", "                self._close(batcher.RESTORE, now, actions)\n", "                pass\n"),
        ("environment.py", RESTORED, "restored=None,"),
        ("environment.py", RESTORED, "restored=self._restored,"),
        ("environment.py", "        self._origin.environment = _new_environment()\n", ""),
        ("environment.py", "        self._journal.rename(self._origin.environment)\n", ""),
        ("batcher.py", "        chunk.seal.environment = self._origin.environment\n", ""),
    ),
    "SnapStart: keys and chance are drawn after it": (
        ("environment.py", BATCHER, "        drawn = _unique()\n" + BATCHER.replace(" _unique,", " lambda: drawn,")),
        ("environment.py", "chance=_chance,", "chance=lambda drawn=_chance(): drawn,"),
        (
            "environment.py",
            "        self._origin.environment = _new_environment()\n",
            '        self._origin.environment = "restored0001"\n',
        ),
    ),
    "SnapStart: credentials from the container endpoint with its token, not before it": (
        ("stores/credentials.py", '"authorization": token.strip()', '"authorization": ""'),
        ("stores/credentials.py", "    if file:\n", "    if file and not token:\n"),
        (
            "stores/light.py",
            "        try:\n            self._trust(",
            "        self._current_keys(self._cancels)\n        try:\n            self._trust(",
        ),
        ("stores/sdk.py", 'if self._environ.get("AWS_ACCESS_KEY_ID"):', "if True:"),
        (
            "stores/light.py",
            "credentials.static(self._environ) or self._fetched(now, cancels)",
            'credentials.static(self._environ) or credentials.Credentials("", "")',
        ),
    ),
    "SnapStart: fresh connections after it": (
        ("stores/light.py", WARM, WARM.replace("_trust(", "_connect(")[:-1] + ", None, 0)"),
        ("stores/light.py", "if since is None or idle_too_long(since, moment()):", "if since is None:"),
        ("stores/sdk.py", "if self._kept_since is None or idle_too_long(self._kept_since, moment()):", "if False:"),
        ("stores/connection.py", IDLE, "now[0] - since[0] > IDLE_SECONDS"),
        ("stores/connection.py", IDLE, "now[1] - since[1] > IDLE_SECONDS"),
        ("stores/sdk.py", "            self._kept_since = None\n            if", "            if"),
        ("shipper.py", "            actions += self._outbox.thaw()\n", ""),
    ),
    "SnapStart: chunks from before it keep their key": (
        ("shipper.py", SHARED, "chunk.shared = False"),
        ("shipper.py", SHARED, SHARED.replace(" and reason != batcher.RESTORE", "")),
        ("outbox.py", "if chunk.attempts > 1 or chunk.shared:", "if chunk.attempts > 1:"),
    ),
    "provisioned concurrency: hours between Init and the first invocation": (
        ("shipper.py", "if not self._may_upload() or", "if"),
        ("shipper.py", "        elif self._may_upload():\n", "        else:\n"),
        ("shipper.py", MAY_UPLOAD, "return True"),
    ),
    "invocations of 5 ms and of 15 min": (
        ("shipper.py", "(first or self._settings.ship_invokes == 1):", "True:"),
        (
            "shipper.py",
            "        self._reader.saw(event.request_id, event.arn)\n        self._batcher.invoked()\n",
            "        self._reader.saw(event.request_id, event.arn)\n",
        ),
        ("shipper.py", MAY_UPLOAD, MAY_UPLOAD.replace(" or running", "")),
    ),
    "ages go by the larger of both clocks, never back": (
        ("policy.py", ELAPSED, "max(now.mono - before.mono, 0.0)"),
        ("policy.py", ELAPSED, "max(now.wall - before.wall, 0.0)"),
        ("policy.py", ELAPSED, ELAPSED.replace(", 0.0", "")),
        ("policy.py", ELAPSED, "now.wall - before.wall"),
    ),
}

REMOVALS = (
    *(removal(rule, *way) for rule, ways in WAYS.items() for way in ways),
    removal(
        "SnapStart: fresh connections after it",
        "stores/light.py",
        "connection, self._connection = self._connection, None",
        "connection = None",
        ("stores/light.py", "            self._kept_since = None\n\n    def _exchange", "\n    def _exchange"),
    ),
)
