"""Committing and asking for offsets over a raw connection. Old, plain versions."""

import struct

from harness.wire import Wire, array, sized, text

OFFSET_COMMIT, OFFSET_FETCH, FIND_COORDINATOR, JOIN_GROUP, HEARTBEAT = 8, 9, 10, 11, 12
SYNC_GROUP = 14
NONE, LOADING, NOT_AVAILABLE, NOT_COORDINATOR = 0, 14, 15, 16
# What a coordinator answers that has only just started: to be asked again.
NOT_YET = (LOADING, NOT_AVAILABLE, NOT_COORDINATOR)


def join_body(group, topic, session_timeout_ms):
    """Of version 0, as a new consumer."""
    subscription = struct.pack(">h", 0) + array([text(topic)]) + sized(None)
    body = text(group) + struct.pack(">i", session_timeout_ms) + text("") + text("consumer")
    return body + array([text("range") + sized(subscription)])


class GroupWire(Wire):
    def find_coordinator(self, group):
        """(error, node id, host, port)"""
        reader = self.request(FIND_COORDINATOR, 0, text(group))
        error, node = reader.unpack("hi")
        host = reader.text()
        return error, node, host, reader.unpack("i")

    def commit(self, group, topic, partition, offset, metadata=""):
        """The error code. Without a member: generation -1."""
        body = text(group) + struct.pack(">i", -1) + text("") + struct.pack(">q", -1)
        commit = struct.pack(">iq", partition, offset) + text(metadata)
        reader = self.request(OFFSET_COMMIT, 2, body + array([text(topic) + array([commit])]))
        answers = reader.array(lambda r: (r.text(), r.array(lambda p: p.unpack("ih"))))
        return answers[0][1][0][1]

    def commit_at(self, group, topic, partition, offset, commit_ms):
        """With the time at which it counts as committed. The error code."""
        body = text(group) + struct.pack(">i", -1) + text("")
        commit = struct.pack(">iqq", partition, offset, commit_ms) + text("old")
        reader = self.request(OFFSET_COMMIT, 1, body + array([text(topic) + array([commit])]))
        answers = reader.array(lambda r: (r.text(), r.array(lambda p: p.unpack("ih"))))
        return answers[0][1][0][1]

    def join(self, group, topic, session_timeout_ms):
        """As the only consumer, assigned to nothing but a mark. (member id, generation)"""
        reader = self.request(JOIN_GROUP, 0, join_body(group, topic, session_timeout_ms))
        error, generation = reader.unpack("hi")
        assert error == NONE, f"JoinGroup: {error}"
        reader.text()
        reader.text()
        return reader.text(), generation

    def sync(self, group, generation, member, assignment):
        body = text(group) + struct.pack(">i", generation) + text(member)
        body += array([text(member) + sized(assignment)])
        reader = self.request(SYNC_GROUP, 0, body)
        error, length = reader.unpack("hi")
        assert error == NONE, f"SyncGroup: {error}"
        return reader.take(length)

    def heartbeat(self, group, generation, member):
        """The error code."""
        body = text(group) + struct.pack(">i", generation) + text(member)
        return self.request(HEARTBEAT, 0, body).unpack("h")

    def committed(self, group, topic, partition):
        """(error, offset); -1: none."""
        wanted = array([text(topic) + array([struct.pack(">i", partition)])])
        reader = self.request(OFFSET_FETCH, 1, text(group) + wanted)

        def read_partition(r):
            _index, offset = r.unpack("iq")
            r.text()
            return r.unpack("h"), offset

        topics = reader.array(lambda r: (r.text(), r.array(read_partition)))
        # Apache Kafka names no topic while its coordinator is not there yet.
        return topics[0][1][0] if topics else (NOT_COORDINATOR, -1)
