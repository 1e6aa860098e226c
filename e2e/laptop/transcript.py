"""A real MCP server behind mcp-proxy, driven by the official SDK, on one machine.

Prints what was really answered, as a transcript. Exits 1 at the first answer that isn't the
expected one, 2 when something can't be started.
"""

import argparse
import asyncio
import contextlib
import json
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

import httpx2
from mcp import Client, MCPError
from mcp.client.streamable_http import streamable_http_client

HERE = pathlib.Path(__file__).resolve().parent
PATIENCE = 20.0  # seconds for anything that is waited for
CALLER = {
    "X-MCP-Human-ID": "ann",
    "X-MCP-Agent-ID": "helper",
    "X-MCP-Agent-Session": "todays-work",
}


class Unexpected(Exception):
    """An answer that isn't the expected one."""


def say(text=""):
    print(text, flush=True)


def expect(what, found, wanted):
    if found != wanted:
        raise Unexpected(f"{what}: expected {wanted!r}, got {found!r}")


def free_ports(count):
    """Ports that were free a moment ago, all different."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


def get(url):
    """Status and body, also of an error."""
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def wait_for(what, holds):
    deadline = time.monotonic() + PATIENCE
    while not holds():
        if time.monotonic() > deadline:
            raise Unexpected(f"{what}: not within {PATIENCE:.0f} s")
        time.sleep(0.01)


def listens(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@contextlib.contextmanager
def running(command, log, **more):
    """A process that is gone afterwards, by its own id."""
    with open(log, "wb") as stderr:
        process = subprocess.Popen(command, stderr=stderr, **more)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextlib.asynccontextmanager
async def connected(url, headers):
    async with httpx2.AsyncClient(headers=headers, timeout=PATIENCE) as http:
        async with Client(streamable_http_client(url, http_client=http)) as client:
            yield client


async def denied(call):
    """The error of a call that must be denied."""
    try:
        result = await call
    except MCPError as error:
        return error.error
    raise Unexpected(f"a call that should be denied was answered: {result}")


def show_error(error):
    say(f"  denied {error.code}: {error.message}")
    say(f"  data: {json.dumps(error.data)}")


def revoke(policy_file):
    """Marks the session as revoked the way editors write: a new file takes the old one's place."""
    document = json.loads(policy_file.read_text())
    document["sessions"][0]["revoked"] = True
    written = policy_file.with_suffix(".new")
    written.write_text(json.dumps(document))
    written.replace(policy_file)


async def calls(url, policy_file):
    async with connected(url, CALLER) as client:
        say("$ list tools, as ann's agent with session todays-work")
        tools = sorted(tool.name for tool in (await client.list_tools()).tools)
        say(f"  {', '.join(tools)}")
        expect("echo is listed", "echo" in tools and "get-env" in tools, True)

        say('$ call echo {"message": "hello"}')
        result = await client.call_tool("echo", {"message": "hello"})
        say(f"  {result.content[0].text}")
        expect("echo's answer", result.content[0].text, "Echo: hello")

        say("$ call get-env")
        error = await denied(client.call_tool("get-env", {}))
        show_error(error)
        expect("reason", error.data["reason"], "trust_too_low")

        say("$ edit the policy file: sessions[0].revoked = true; then call echo until it is denied")
        revoke(policy_file)
        revoked_at = time.monotonic()
        while True:
            try:
                await client.call_tool("echo", {"message": "still there?"})
            except MCPError as caught:
                error = caught.error
                break
            if time.monotonic() - revoked_at > PATIENCE:
                raise Unexpected("calls are still allowed after the session was revoked")
        show_error(error)
        say(f"  {(time.monotonic() - revoked_at) * 1000:.0f} ms after the edit")
        expect("reason", error.data["reason"], "session_revoked")


def stranger(url):
    say("$ POST tools/list without identity headers")
    body = b'{"jsonrpc":"2.0","id":"q-1","method":"tools/list"}'
    request = urllib.request.Request(url, body, {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
            raise Unexpected(f"answered {answer.status} {answer.read()!r}")
    except urllib.error.HTTPError as error:
        status, answer = error.code, json.loads(error.read())
    say(f"  HTTP {status} {json.dumps(answer)}")
    expect("status", status, 401)
    expect("id and reason", (answer["id"], answer["error"]["data"]["reason"]), ("q-1", "missing_identity"))


def events(events_file):
    lines = [json.loads(line) for line in events_file.read_text().splitlines()]
    say("$ the proxy's audit events: method, tool, decision, reason, caller")
    for payload in (line["payload"] for line in lines):
        what = " ".join(filter(None, [payload["method"], payload.get("rpc_method"), payload.get("tool_name")]))
        who = payload["human_id"] or "nobody"
        say(f"  {payload['status']} {payload['decision']:5} {payload['reason']:16} {who:6} {what}")
    found = {(line["payload"].get("tool_name"), line["payload"]["reason"]) for line in lines}
    for wanted in [("echo", "allowed"), ("get-env", "trust_too_low"), ("echo", "session_revoked")]:
        expect(f"an event for {wanted}", wanted in found, True)
    expect("event ids are unique", len({line["event_id"] for line in lines}), len(lines))


def run(options, folder):
    server_port, port, admin_port = free_ports(3)
    policy_file, events_file = folder / "policy.json", folder / "events.jsonl"
    shutil.copy(HERE / "policy.json", policy_file)
    server = ["node", "--require", str(HERE / "loopback.cjs"), options.server, "streamableHttp"]
    proxy = [
        options.proxy,
        *("--policy", str(policy_file)),
        *("--upstream", f"http://127.0.0.1:{server_port}"),
        *("--listen", f"127.0.0.1:{port}"),
        *("--admin-listen", f"127.0.0.1:{admin_port}"),
    ]
    environment = os.environ | {"PORT": str(server_port)}
    with contextlib.ExitStack() as stack:
        stack.enter_context(
            running(server, folder / "server.log", stdout=subprocess.DEVNULL, env=environment)
        )
        output = stack.enter_context(open(events_file, "wb"))
        stack.enter_context(running(proxy, folder / "proxy.log", stdout=output))
        admin = f"http://127.0.0.1:{admin_port}"
        wait_for("the MCP server listens", lambda: listens(server_port))
        wait_for("the proxy listens", lambda: listens(admin_port))
        say(f"$ mcp-proxy --policy policy.json --upstream http://127.0.0.1:{server_port}")
        status, body = get(f"{admin}/ready")
        say(f"  GET /ready: {status} {body}")
        expect("readiness", status, 200)
        url = f"http://127.0.0.1:{port}/mcp"
        asyncio.run(calls(url, policy_file))
        stranger(url)
        status, body = get(f"{admin}/config/status")
        say("$ GET /config/status")
        say(f"  {body}")
    events(events_file)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--proxy", required=True, help="path of mcp-proxy")
    parser.add_argument("--server", required=True, help="path of server-everything's index.js")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="mcp-laptop-") as folder:
        folder = pathlib.Path(folder)
        try:
            run(options, folder)
        except (Unexpected, BaseExceptionGroup, OSError) as error:
            for log in sorted(folder.glob("*.log")):
                print(f"--- {log.name}\n{log.read_text(errors='replace')[-4000:]}", file=sys.stderr)
            print(f"laptop: {error!r}", file=sys.stderr)
            return 2 if isinstance(error, OSError) else 1
    say("laptop: everything answered as it should")
    return 0


if __name__ == "__main__":
    sys.exit(main())
