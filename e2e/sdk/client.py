"""The official MCP SDK as a user of a governed server: one JSON line of what it saw.

client.py tools URL                   connect, list tools
client.py call URL TOOL [ARGUMENTS]   connect, call one tool (ARGUMENTS is JSON)
client.py connects URL N              N connects, each listing tools and calling none; counts hangs

Identity comes from --human, --agent, --team, --session as headers.
"""

import argparse
import asyncio
import json
import time

import httpx2
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.exceptions import MCPError

# Longer than any answer takes on a busy machine; what exceeds it hangs.
HANG_SECONDS = 15


def headers(options):
    pairs = {
        # Go's reverse proxy, so Traefik too, cuts answers on kept HTTP/1.1 connections now and then
        # (golang/go#40747); where nothing follows on the connection it doesn't.
        "Connection": "close",
        "X-MCP-Human-ID": options.human,
        "X-MCP-Agent-ID": options.agent,
        "X-MCP-Team-ID": options.team,
        "X-MCP-Agent-Session": options.session,
    }
    return {name: value for name, value in pairs.items() if value}


def error(failure):
    """What the SDK raised, whether as itself or inside a group."""
    while isinstance(failure, BaseExceptionGroup):
        failure = failure.exceptions[0]
    if isinstance(failure, MCPError):
        return {"code": failure.code, "message": failure.message, "data": failure.data}
    return {"message": f"{type(failure).__name__}: {failure}"}


async def session(options, use):
    async with httpx2.AsyncClient(headers=headers(options), timeout=HANG_SECONDS) as http:
        transport = streamable_http_client(options.url, http_client=http)
        async with Client(transport, mode=options.mode) as client:
            return await use(client)


async def tools(options):
    async def use(client):
        return [tool.name for tool in (await client.list_tools()).tools]

    return {"tools": await session(options, use)}


async def call(options):
    async def use(client):
        try:
            result = await client.call_tool(options.tool, json.loads(options.arguments))
        except MCPError as failure:
            return {"error": error(failure)}
        texts = [part.text for part in result.content if part.type == "text"]
        return {"is_error": bool(result.is_error), "text": "\n".join(texts)}

    return await session(options, use)


async def connects(options):
    seconds, hangs, errors = [], 0, []
    for _ in range(options.count):
        begun = time.monotonic()
        try:
            await asyncio.wait_for(tools(options), HANG_SECONDS)
        except TimeoutError:
            hangs += 1
        except Exception as failure:  # noqa: BLE001 - counted and shown
            errors.append(error(failure))
        seconds.append(time.monotonic() - begun)
    seconds.sort()
    return {
        "connects": options.count,
        "hangs": hangs,
        "errors": len(errors),
        "first_error": errors[0] if errors else None,
        "median_s": round(seconds[len(seconds) // 2], 3),
        "worst_s": round(seconds[-1], 3),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("human", "agent", "team", "session"):
        parser.add_argument(f"--{name}", default="")
    parser.add_argument("--mode", default="legacy", help="legacy, auto, or a revision such as 2026-07-28")
    verbs = parser.add_subparsers(required=True)
    for name, run, extra in (("tools", tools, ()), ("call", call, ("tool", "arguments")), ("connects", connects, ("count",))):
        verb = verbs.add_parser(name)
        verb.add_argument("url")
        for argument in extra:
            if argument == "arguments":
                verb.add_argument(argument, nargs="?", default="{}")
            else:
                verb.add_argument(argument, type=int if argument == "count" else str)
        verb.set_defaults(run=run)
    options = parser.parse_args()
    try:
        answer = asyncio.run(options.run(options))
    except Exception as failure:  # noqa: BLE001 - the caller reads what went wrong
        answer = {"error": error(failure)}
    print(json.dumps(answer))


main()
