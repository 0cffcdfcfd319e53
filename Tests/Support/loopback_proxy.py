#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A proxy (HTTP CONNECT) to whom every name is this machine: for boxes of a white list, which have no loopback names, and
for servers that are reached through it only.

    loopback_proxy.py PORT [--status N] [--intercept CERTIFICATE KEY]

Prints the host and port of each request; before, where PORT is 0, `PORT n` when it listens. With --status every request is
answered so; with --intercept it takes the server's place, under that certificate.
"""
import argparse
import asyncio
import ssl


async def copy(reader, writer):
    try:
        while data := await reader.read(1 << 16):
            writer.write(data)
            await writer.drain()
    except OSError:
        pass
    finally:
        writer.close()


async def intercept(writer):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*arguments.intercept)
    writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
    try:
        await writer.start_tls(context)
        print("deceived", flush=True)
    except OSError:
        pass
    writer.close()


async def serve(reader, writer):
    try:
        head = await reader.readuntil(b"\r\n\r\n")
        method, target, *_ = head.decode("latin-1").split()
        print(target, flush=True)
        if method != "CONNECT":
            writer.write(b"HTTP/1.1 405 Method Not Allowed\r\nContent-Length: 0\r\n\r\n")
            return writer.close()
        if arguments.status:
            writer.write(b"HTTP/1.1 %d No\r\nContent-Length: 0\r\n\r\n" % arguments.status)
            return writer.close()
        if arguments.intercept:
            return await intercept(writer)
        there = await asyncio.open_connection("127.0.0.1", int(target.rpartition(":")[2]))
    except (OSError, ValueError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
        writer.write(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n")
        return writer.close()
    writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
    await asyncio.gather(copy(reader, there[1]), copy(there[0], writer))


async def main():
    async with await asyncio.start_server(serve, "127.0.0.1", arguments.port) as server:
        if arguments.port == 0:
            print("PORT %d" % server.sockets[0].getsockname()[1], flush=True)
        await server.serve_forever()


parser = argparse.ArgumentParser()
parser.add_argument("port", type=int)
parser.add_argument("--status", type=int)
parser.add_argument("--intercept", nargs=2)
arguments = parser.parse_args()
asyncio.run(main())
