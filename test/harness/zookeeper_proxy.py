"""Stands between a broker and ZooKeeper, and may stop forwarding the broker's n-th frame."""

import socket
import struct
import threading


class ZooKeeperProxy:
    """One thread per connection and direction. Requests are counted over all connections."""

    def __init__(self, server, at_frame=None, on_frame=None, keeps_silent=False):
        """on_frame: called when the frame of that number has come from the broker, before it goes
        on. keeps_silent: it and all behind it never do."""
        host, port = server.split("/")[0].rsplit(":", 1)
        self._upstream = (host, int(port))
        self._chroot = server[len(server.split("/")[0]) :]
        self._at_frame, self._on_frame, self._keeps_silent = at_frame, on_frame, keeps_silent
        self._lock = threading.Lock()
        self._frames = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._sockets = []
        self._closed = False
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def connect_string(self):
        return "127.0.0.1:%d%s" % (self._listener.getsockname()[1], self._chroot)

    @property
    def frames(self):
        with self._lock:
            return self._frames

    def drop(self):
        """Ends the connections there are; the next ones are taken."""
        sockets, self._sockets = self._sockets, []
        self._end(*sockets)

    def close(self):
        self._closed = True
        for one in [self._listener, *self._sockets]:
            try:
                one.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            one.close()

    def _accept(self):
        while not self._closed:
            try:
                client, _ = self._listener.accept()
                server = socket.create_connection(self._upstream)
            except OSError:
                return
            self._sockets += [client, server]
            threading.Thread(target=self._requests, args=(client, server), daemon=True).start()
            threading.Thread(target=self._answers, args=(server, client), daemon=True).start()

    @staticmethod
    def _receive(source, count):
        data = b""
        while len(data) < count:
            chunk = source.recv(count - len(data))
            if not chunk:
                raise OSError("closed")
            data += chunk
        return data

    def _requests(self, client, server):
        try:
            while True:
                length = self._receive(client, 4)
                frame = length + self._receive(client, struct.unpack(">i", length)[0])
                with self._lock:
                    self._frames += 1
                    number = self._frames
                if number == self._at_frame:
                    self._on_frame()
                silent = self._keeps_silent and self._at_frame is not None
                if silent and number >= self._at_frame:
                    continue
                server.sendall(frame)
        except OSError:
            self._end(client, server)

    def _answers(self, server, client):
        try:
            while True:
                data = server.recv(65536)
                if not data:
                    raise OSError("closed")
                client.sendall(data)
        except OSError:
            self._end(client, server)

    @staticmethod
    def _end(*sockets):
        for one in sockets:
            try:
                one.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
