# SPDX-License-Identifier: Apache-2.0
"""An HTTP/1.1 server on asyncio: persistent connections, chunked bodies, TLS, and answers that can go wrong."""
import asyncio
import http
import ssl

MAXIMUM_HEAD = 64 << 10
MAXIMUM_BODY = 256 << 20
IDLE_SECONDS = 120


class Request:
    def __init__(self, method, path, headers, body, peer):
        self.method, self.headers, self.body = method, headers, body
        self.path, _, self.query = path.partition("?")
        self.peer = peer  # DER of the TLS client certificate, else None
        self.envelope = body
        self.client = ""

    @property
    def content_type(self):
        return self.headers.get("content-type", "")


class Answer:
    """Status, content type and body. `cut` drops the connection: "before" any byte, or "within" the body.

    `delay` in seconds comes first; a client that leaves ends it.
    """

    def __init__(self, status=200, content_type="application/json", body=b"", headers=(), delay=0.0, cut=None):
        self.status, self.content_type, self.body, self.headers = status, content_type, body, headers
        self.delay, self.cut = delay, cut

    def head(self, keep):
        try:
            reason = http.HTTPStatus(self.status).phrase
        except ValueError:
            reason = "Unknown"
        lines = ["HTTP/1.1 %d %s" % (self.status, reason), "Content-Length: %d" % len(self.body),
                 "Connection: %s" % ("keep-alive" if keep else "close")]
        if self.content_type:
            lines.append("Content-Type: " + self.content_type)
        lines += ["%s: %s" % pair for pair in self.headers]
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


class BadRequest(Exception):
    def __init__(self, status, reason):
        super().__init__(reason)
        self.status = status


async def read_request(reader, writer, peer):
    """The next request; None where the client has closed."""
    try:
        head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), IDLE_SECONDS)
    except (asyncio.IncompleteReadError, asyncio.TimeoutError, TimeoutError):
        return None
    except asyncio.LimitOverrunError as error:
        raise BadRequest(431, "the head is too long") from error
    first, *lines = head.decode("latin-1").split("\r\n")[:-2]
    parts = first.split(" ")
    if len(parts) != 3 or not parts[2].startswith("HTTP/1."):
        raise BadRequest(400, "no request line")
    headers = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon or not name or name != name.strip():
            raise BadRequest(400, "a header line is malformed")
        headers[name.lower()] = value.strip()
    if headers.get("expect", "").lower() == "100-continue":
        writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    body = await read_body(reader, headers)
    return Request(parts[0], parts[1], headers, body, peer)


async def read_body(reader, headers):
    if headers.get("transfer-encoding", "").lower() == "chunked":
        body = bytearray()
        while True:
            line = await reader.readuntil(b"\r\n")
            try:
                size = int(line.split(b";")[0], 16)
            except ValueError as error:
                raise BadRequest(400, "a chunk has no size") from error
            if len(body) + size > MAXIMUM_BODY:
                raise BadRequest(413, "the body is too long")
            if size == 0:
                while await reader.readuntil(b"\r\n") != b"\r\n":
                    pass
                return bytes(body)
            body += await reader.readexactly(size)
            if await reader.readexactly(2) != b"\r\n":
                raise BadRequest(400, "a chunk has no end")
    length = headers.get("content-length", "0")
    if not length.isdigit():
        raise BadRequest(400, "Content-Length is no number")
    if int(length) > MAXIMUM_BODY:
        raise BadRequest(413, "the body is too long")
    return await reader.readexactly(int(length))


class Server:
    """`handle(request)` is a coroutine that makes the Answer, or None for a connection that is cut at once."""

    def __init__(self, handle):
        self._handle = handle
        self._servers = []
        self.open_connections = self.connections = self.most_connections = 0

    async def listen(self, host, port, tls=None):
        """The port that it listens on."""
        server = await asyncio.start_server(self._serve, host, port, ssl=tls, backlog=4096, limit=MAXIMUM_HEAD)
        self._servers.append(server)
        return server.sockets[0].getsockname()[1]

    async def _serve(self, reader, writer):
        self.connections += 1
        self.open_connections += 1
        self.most_connections = max(self.most_connections, self.open_connections)
        try:
            await self._conversation(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, ssl.SSLError, OSError):
            pass
        finally:
            self.open_connections -= 1
            writer.close()

    async def _conversation(self, reader, writer):
        tls = writer.get_extra_info("ssl_object")
        peer = tls.getpeercert(binary_form=True) if tls else None
        keep = True
        while keep:
            try:
                request = await read_request(reader, writer, peer)
                if request is None:
                    return
                keep = request.headers.get("connection", "").lower() != "close"
                answer = await self._handle(request)
            except BadRequest as error:
                answer, keep = Answer(error.status, "text/plain", str(error).encode()), False
            if answer is None or not await self._send(answer, keep, reader, writer):
                return

    async def _send(self, answer, keep, reader, writer):
        """Whether the connection goes on."""
        if answer.delay:
            await self._wait(answer.delay, reader)
        if answer.cut:
            if answer.cut == "within":
                writer.write(answer.head(keep) + answer.body[:len(answer.body) // 2])
                await writer.drain()
                writer.close()
            else:
                writer.transport.abort()
            return False
        writer.write(answer.head(keep) + answer.body)
        await writer.drain()
        return True

    async def _wait(self, seconds, reader):
        """Sleeps, but not longer than the client stays."""
        end = asyncio.get_running_loop().time() + seconds
        while not reader.at_eof() and reader.exception() is None:
            left = end - asyncio.get_running_loop().time()
            if left <= 0:
                return
            await asyncio.sleep(min(left, 0.1))
        raise ConnectionResetError


def tls_context(certificate, key, client_ca=None):
    """TLS 1.2 or later; with `client_ca` clients have to show a certificate that it issued."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(certificate, key)
    if client_ca:
        context.load_verify_locations(client_ca)
        context.verify_mode = ssl.CERT_REQUIRED
    return context
