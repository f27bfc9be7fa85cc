"""Runs export jobs, the webhook and a connection by OAuth through proxies that validate both directions against Pleo's API contracts.

    validating_proxy.py CONTRACT PLATFORM_CONTRACT PRISM PROGRAM SANDBOX FOLDER

The contracts are OpenAPI files, of the Export API (/v3) and of all else; PRISM, PROGRAM and SANDBOX are the executables; FOLDER is
emptied and gets books, checkpoint and logs.

    pleo-export  →  recording hop (this script)  →  prism proxy --errors, one for each contract  →  sandbox

Prism answers a violation with an error of its own, over which the client would stumble, and names it in the header
`sl-violations`. The client shows no headers, so the hop notes them. Both must be clean: the client's exit codes and
the header. Everything is on 127.0.0.1.
"""

import base64
import contextlib
import http.client
import http.server
import json
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import threading
import time
import urllib.parse

SETTINGS = pathlib.Path("examples/pleo-export.toml")
# A violation looks to the client like a server in trouble; it need not wait long for that to pass.
IMPATIENCE = "\n[pleo]\ngive_up_after_seconds = 5\n"
OAUTH = """
[pleo.oauth]
client_id = "sandbox-client"
token_file = "tokens.json"
redirect_uri = "http://127.0.0.1:8788/callback"
"""
# What a connection by OAuth asks beside the Export API.
OAUTH_CALLS = [
    "POST /oauth/token",
    "GET /v1/introspect",
    "GET /v1/installations/me",
    "POST /v1/installations/me:activate",
    "DELETE /v1/installations/me",
]
START_SECONDS = 60
RUN_SECONDS = 300


class Hop(http.server.BaseHTTPRequestHandler):
    """Hands every request on to prism and notes what prism says about it."""

    protocol_version = "HTTP/1.1"
    export_port = 0
    platform_port = 0
    exchanges = 0
    calls: set[str] = set()
    violations: list[str] = []

    def hand_on(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        port = Hop.export_port if self.path.startswith("/v3/") else Hop.platform_port
        prism = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        prism.request(self.command, self.path, body, dict(self.headers))
        answer = prism.getresponse()
        content = answer.read()
        prism.close()
        self.note(answer, content)
        self.send_response(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in ("connection", "content-length", "date", "keep-alive", "transfer-encoding"):
                self.send_header(name, value)
        if answer.status != 204:
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_PUT = do_POST = do_DELETE = hand_on

    def note(self, answer, content):
        Hop.exchanges += 1
        Hop.calls.add(f"{self.command} {self.path.partition('?')[0]}")
        # One header a response; a violating request never reaches the sandbox, and only the body tells of it.
        found = [
            violation
            for violation in json.loads(answer.getheader("sl-violations") or "[]")
            if violation["severity"] == "Error"
        ]
        if not found and answer.getheader("Content-Type", "").startswith("application/problem+json"):
            found = [json.loads(content)]
        Hop.violations += [
            f"{self.command} {self.path} → {answer.status}: {json.dumps(violation)}" for violation in found
        ]

    def log_message(self, *_):
        """The sandbox's log has every request already."""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextlib.contextmanager
def running(log, *command):
    """A program in the background that is ended with the block."""
    with open(log, "wb") as output:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT)
    try:
        yield process
    finally:
        process.terminate()
        process.wait(timeout=START_SECONDS)


def wait_until_it_listens(port, process, log):
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            time.sleep(0.1)
    sys.exit(f"nothing listens on port {port}: {process.args}\n{log.read_text()}")


def call(port, method, path, body=None, key=None):
    """One request of this script's own: status and JSON."""
    headers = {"Content-Type": "application/json"}
    if key:
        headers["Authorization"] = "Basic " + base64.b64encode(f"{key}:".encode()).decode()
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request(method, path, None if body is None else json.dumps(body), headers)
    answer = connection.getresponse()
    content = answer.read()
    connection.close()
    return answer.status, json.loads(content) if content else None


class Trial:
    """One sandbox behind the proxy, and the program in front of it."""

    key = "sandbox-api-key"
    company = "7e57c0de-0000-4000-8000-00000000d00d"

    def __init__(self, program, folder, sandbox_port, hop_port):
        self.program = program
        self.folder = folder
        self.sandbox_port = sandbox_port
        self.hop_port = hop_port
        self.settings = folder / "pleo-export.toml"
        self.settings.write_text(SETTINGS.read_text() + IMPATIENCE)

    def sandbox(self, method, path, body=None):
        status, answer = call(self.sandbox_port, method, f"/_sandbox/{path}", body)
        assert status < 300, answer
        return answer

    def prove_that_violations_are_seen(self):
        """A proxy that lets everything pass proves nothing: one violation in each direction, on purpose."""
        jobs = f"/v3/export-jobs?company_id={self.company}"
        call(self.hop_port, "GET", "/v3/export-jobs?company_id=no-uuid", key=self.key)
        assert any('"query"' in violation for violation in Hop.violations), "a wrong request was not seen"
        Hop.violations.clear()
        self.sandbox("POST", "faults", {"trouble": "html_page"})
        call(self.hop_port, "GET", jobs, key=self.key)
        assert any('"response"' in violation for violation in Hop.violations), "a wrong answer was not seen"
        Hop.violations.clear()
        call(self.hop_port, "POST", "/v1/subscriptions", {"eventTypes": []}, key=self.key)
        assert any('"body"' in violation for violation in Hop.violations), "a wrong body was not seen"
        Hop.violations.clear()
        self.prove_that_tokens_are_seen()
        Hop.exchanges = 0
        Hop.calls.clear()

    def prove_that_tokens_are_seen(self):
        """The same for the authorization server, whose requests are forms."""
        call(self.hop_port, "POST", "/oauth/token", {"grant_type": "refresh_token"})
        assert Hop.violations, "a wrong request for tokens was not seen"
        Hop.violations.clear()

    def environment(self):
        return {
            "PATH": os.environ["PATH"],
            "PLEO_API_KEY": self.key,
            "PLEO_BASE_URL": f"http://127.0.0.1:{self.hop_port}",
            "PLEO_COMPANY_ID": self.company,
            "PLEO_EXPORT_BOOKS": str(self.folder / "books"),
            "PLEO_EXPORT_CHECKPOINT": str(self.folder / "checkpoint.sqlite3"),
        }

    def run(self, *arguments):
        return subprocess.run(
            [self.program, "--config", self.settings, *arguments],
            env=self.environment(), stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=RUN_SECONDS,
        )  # fmt: skip

    def poll(self, what, exit_code, status):
        """Runs the program on the jobs that wait; the newest must end in this state."""
        before = Hop.exchanges
        run = self.run("poll")
        job = self.sandbox("GET", "state")["jobs"][-1]
        print(f"{what}: exit {run.returncode}, {job['status']}, {Hop.exchanges - before} exchanges", flush=True)
        problems = [f"violation: {violation}" for violation in Hop.violations]
        if run.returncode != exit_code:
            problems.append(f"exit code {run.returncode} instead of {exit_code}")
        if job["status"] != status:
            problems.append(f"the job is {job['status']} instead of {status}")
        if problems:
            sys.exit("\n".join([*problems, run.stdout, run.stderr]))


    def listen(self):
        """Subscribes, and has a job booked whose event the sandbox delivers; nothing is typed in between."""
        before = Hop.exchanges
        port = free_port()
        url = f"http://127.0.0.1:{port}/webhooks/pleo/{self.company}"
        self.subscribe(url)
        log = self.folder / "listen.log"
        with open(log, "wb") as output:
            listener = subprocess.Popen(
                [self.program, "--config", self.settings, "-v", "listen", "--bind", f"127.0.0.1:{port}", "--every", "1h"],
                env=self.environment(), stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT,
            )  # fmt: skip
        try:
            wait_until_it_listens(port, listener, log)
            self.sandbox("POST", "jobs", {"items": 10, "seed": 5})
            until = time.monotonic() + START_SECONDS
            # The first poll is that of its start.
            while log.read_text().count("the poll is over") < 2:
                assert time.monotonic() < until, f"the job is not booked\n{log.read_text()}"
                time.sleep(0.1)
        finally:
            listener.terminate()
            assert listener.wait(timeout=RUN_SECONDS) == 0, log.read_text()
        assert self.sandbox("GET", "state")["jobs"][-1]["status"] == "completed", log.read_text()
        subscription = self.subscribe("--list")[0]
        self.subscribe("--remove", subscription["id"])
        assert self.subscribe("--list") == []
        assert not Hop.violations, "\n".join(Hop.violations)
        print(f"a job whose event is delivered: completed, {Hop.exchanges - before} exchanges", flush=True)

    def oauth(self):
        """Logs in as a browser would, works with tokens that end in between, and has Pleo end the consent."""
        before = Hop.exchanges
        settings = self.folder / "oauth.toml"
        settings.write_text(self.settings.read_text() + OAUTH)
        environment = self.environment() | {"PLEO_CLIENT_SECRET": "sandbox-client-secret"}
        del environment["PLEO_API_KEY"], environment["PLEO_COMPANY_ID"]

        def run(*arguments, pasted=None):
            process = subprocess.Popen(
                [self.program, "--config", settings, *arguments], env=environment, text=True,
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            )  # fmt: skip
            told = pasted(process.stdout.readline().strip()) if pasted else None
            output, errors = process.communicate(told, timeout=RUN_SECONDS)
            assert process.returncode == 0, "\n".join([str(arguments), output, errors, *Hop.violations])
            return output

        self.sandbox("POST", "consent", {"installation_status": "AUTHORIZED"})
        run("login", "--paste", pasted=self.consent)
        run("check")
        self.sandbox("POST", "jobs", {"items": 10, "seed": 6})
        # The access token ends; the client learns it from Pleo and renews it.
        self.sandbox("POST", "consent", {"expire_access_tokens": True})
        run("poll")
        assert self.sandbox("GET", "state")["jobs"][-1]["status"] == "completed"
        run("logout", "--revoke")
        for call_needed in OAUTH_CALLS:
            assert call_needed in Hop.calls, f"nobody asked {call_needed}"
        assert not Hop.violations, "\n".join(Hop.violations)
        print(f"from login to logout: {Hop.exchanges - before} exchanges", flush=True)

    def consent(self, address):
        """Where the browser ends with the address that was printed. Prism would follow the redirect itself, so it is not asked."""
        parts = urllib.parse.urlsplit(address)
        browser = http.client.HTTPConnection("127.0.0.1", self.sandbox_port, timeout=60)
        browser.request("GET", f"{parts.path}?{parts.query}")
        answer = browser.getresponse()
        assert answer.status == 302, answer.read()
        browser.close()
        return answer.getheader("Location") + "\n"

    def subscribe(self, *arguments):
        run = self.run("subscribe", "--json", *arguments)
        assert run.returncode == 0, run.stdout + run.stderr + "\n".join(Hop.violations)
        return json.loads(run.stdout)["subscriptions"]


def try_everything(trial):
    trial.prove_that_violations_are_seen()
    trial.poll("25 items, two of which fail", 3, "completed_with_errors")

    trial.sandbox("POST", "jobs", {"items": 250, "seed": 2})
    trial.poll("250 items on pages of 20", 0, "completed")

    trial.sandbox("POST", "jobs", {"items": 250, "seed": 2})
    trial.poll("the same 250 exported again", 0, "completed")

    trial.sandbox("POST", "jobs", {"items": 10, "seed": 3})
    refused = {"refused_items": {"entries": [], "error_type": "EXPORT_ENTRY_STATUS_UPDATE_FAILED"}}
    # The first update says that work begins, the second has the verdicts.
    trial.sandbox("POST", "faults", {"trouble": refused, "nth": 2})
    trial.poll("10 items whose verdicts Pleo refuses once", 0, "completed")

    trial.sandbox("POST", "jobs", {"items": 10, "seed": 4})
    trial.sandbox("POST", "faults", {"trouble": {"missing_contra_accounts": ["SEK"]}})
    trial.poll("a job that fails as a whole", 4, "failed")

    trial.listen()
    trial.oauth()

    broken_rules = trial.sandbox("GET", "state")["broken_rules"]
    assert not broken_rules, broken_rules
    print(f"{Hop.exchanges} exchanges, 0 violations of severity Error in either direction, 0 broken rules")


def main():
    contract, platform_contract, prism, program, sandbox, folder = sys.argv[1:]
    folder = pathlib.Path(folder).absolute()
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    sandbox_port, Hop.export_port, Hop.platform_port = free_port(), free_port(), free_port()
    start_sandbox = [sandbox, "--port", str(sandbox_port), "--page-size", "20"]
    with contextlib.ExitStack() as stack:

        def start(name, port, command):
            log = folder / f"{name}.log"
            wait_until_it_listens(port, stack.enter_context(running(log, *command)), log)

        start("sandbox", sandbox_port, start_sandbox)
        for name, port, of in [
            ("prism", Hop.export_port, contract),
            ("prism-platform", Hop.platform_port, platform_contract),
        ]:
            upstream = f"http://127.0.0.1:{sandbox_port}"
            start(name, port, [prism, "proxy", of, upstream, "--errors", "-p", str(port)])
        hop = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hop)
        hop.daemon_threads = True
        threading.Thread(target=hop.serve_forever, daemon=True).start()
        try_everything(Trial(program, folder, sandbox_port, hop.server_port))
        hop.shutdown()


if __name__ == "__main__":
    main()
