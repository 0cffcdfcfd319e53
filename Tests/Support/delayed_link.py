#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A link to 127.0.0.1:TARGET on which every byte takes DELAY milliseconds, in both directions.

    delayed_link.py LISTEN TARGET DELAY
"""
import asyncio
import sys

listen, target, delay = int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]) / 1000


async def carry(reader, writer):
    """Many pieces are on their way at once: it is the delay that is long, not the link that is slow."""
    loop, queue = asyncio.get_running_loop(), asyncio.Queue(256)

    async def deliver():
        while True:
            due, piece = await queue.get()
            await asyncio.sleep(max(0, due - loop.time()))
            if not piece:
                writer.close()
                return
            writer.write(piece)
            await writer.drain()

    delivery = asyncio.create_task(deliver())
    try:
        while piece := await reader.read(65536):
            await queue.put((loop.time() + delay, piece))
    except ConnectionError:
        pass
    await queue.put((loop.time() + delay, b""))
    try:
        await delivery
    except ConnectionError:
        pass


async def serve(reader, writer):
    far_reader, far_writer = await asyncio.open_connection("127.0.0.1", target)
    await asyncio.gather(carry(reader, far_writer), carry(far_reader, writer))


async def main():
    async with await asyncio.start_server(serve, "127.0.0.1", listen) as server:
        await server.serve_forever()


asyncio.run(main())
