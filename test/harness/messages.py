"""A connection on which whole messages are exchanged, by the schemas (see schema_wire)."""

from harness import schema_wire
from harness.wire import Wire


class Messages(Wire):
    def ask(self, name, version, request):
        """The answer as a dict; None when the broker closes the connection instead."""
        api = schema_wire.apis()[name]
        head = b"\0" if version >= api.first_flexible else b""
        body = schema_wire.Encoder(api, version).struct(api.request, request)
        try:
            reader = self.request(api.key, version, head + body)
        except ConnectionError:
            return None
        data = reader.take(len(reader.data) - reader.at)
        return schema_wire.response_body(api, version, data)

    def versions(self, name):
        api = schema_wire.apis()[name]
        return range(api.versions.low, api.versions.high + 1)
