// The physical floor: what produce and fetch cost if a server does nothing but what it must.
//
//   floor --port N --directory D
//
// One thread, one epoll. Produce: receive the frame, checksum, pwrite, answer. Fetch: a header and
// sendfile; a fetch at the tail waits for the next append. It speaks Produce 9 and Fetch 12 as the
// loader sends them (one partition per request), checks nothing else and knows no brokers.
#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>

#include "base/big_endian.h"
#include "bench/floor_log.h"
#include "bench/loads.h"
#include "bench/options.h"
#include "protocol/gen/fetch.h"
#include "protocol/gen/produce.h"
#include "protocol/headers.h"

namespace bench {
namespace {

constexpr std::size_t kInputBytesMin = 64 * 1024;
constexpr int kEventsMax = 64;

struct Connection;

struct Partition {
  FloorLog log;
  std::set<Connection*> waiting;
};

struct Connection {
  int descriptor = -1;
  std::vector<std::byte> input;
  std::size_t received_bytes = 0;
  // What is left to send: bytes, then a piece of a file, then bytes.
  base::Buffer head;
  std::size_t head_sent = 0;
  std::size_t head_before_file = 0;
  int file = -1;
  FloorLog::Slice slice;
  bool wants_write = false;
  // A fetch that waits.
  Partition* waits_for = nullptr;
  std::int64_t fetch_offset = 0;
  std::int64_t max_bytes = 0;
  std::int32_t partition_index = 0;
  std::int32_t correlation_id = 0;
  std::string topic;

  Connection() = default;
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  ~Connection() {
    if (waits_for != nullptr) waits_for->waiting.erase(this);
    if (descriptor >= 0) ::close(descriptor);
  }
};

class Floor {
 public:
  Floor(int listener, int poller, std::string directory)
      : listener_(listener), poller_(poller), directory_(std::move(directory)) {}

  void run() {
    std::array<epoll_event, kEventsMax> events;
    for (;;) {
      const int count = ::epoll_wait(poller_, events.data(), kEventsMax, -1);
      for (int i = 0; i < count; ++i) {
        if (events[i].data.ptr == nullptr) {
          accept_one();
          continue;
        }
        auto* connection = static_cast<Connection*>(events[i].data.ptr);
        if (!serve(*connection, events[i].events)) connections_.erase(connection);
      }
    }
  }

 private:
  void accept_one() {
    const int descriptor = ::accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (descriptor < 0) return;
    const int on = 1;
    (void)::setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    auto connection = std::make_unique<Connection>();
    connection->descriptor = descriptor;
    connection->input.resize(kInputBytesMin);
    epoll_event event{.events = EPOLLIN, .data = {.ptr = connection.get()}};
    ::epoll_ctl(poller_, EPOLL_CTL_ADD, descriptor, &event);
    connections_.emplace(connection.get(), std::move(connection));
  }

  bool serve(Connection& connection, std::uint32_t events) {
    if ((events & EPOLLOUT) != 0 && !send_pending(connection)) return false;
    if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) == 0) return true;
    const ssize_t count =
        ::recv(connection.descriptor, connection.input.data() + connection.received_bytes,
               connection.input.size() - connection.received_bytes, 0);
    if (count == 0 || (count < 0 && errno != EAGAIN)) return false;
    if (count > 0) connection.received_bytes += static_cast<std::size_t>(count);
    return take_frames(connection);
  }

  bool take_frames(Connection& connection) {
    std::size_t begin = 0;
    std::size_t needed = 0;
    for (;;) {
      const std::size_t held = connection.received_bytes - begin;
      if (held < protocol::kFrameLengthSize) break;
      std::byte* frame = connection.input.data() + begin;
      needed = protocol::kFrameLengthSize + base::load_be<std::uint32_t>(frame);
      if (held < needed) break;
      if (!handle(connection, base::MutableBytes(frame, needed).subspan(4))) return false;
      begin += needed;
      needed = 0;
    }
    connection.received_bytes -= begin;
    if (begin > 0 && connection.received_bytes > 0) {
      std::memmove(connection.input.data(), connection.input.data() + begin,
                   connection.received_bytes);
    }
    if (connection.input.size() < needed) connection.input.resize(needed);
    return true;
  }

  bool handle(Connection& connection, base::MutableBytes frame) {
    protocol::Reader reader(frame);
    const auto header = protocol::RequestHeader::decode(reader);
    if (!header) return false;
    connection.correlation_id = header->correlation_id;
    if (header->api_key == protocol::ProduceRequest::kApiKey) {
      return produce(connection, reader, frame);
    }
    if (header->api_key == protocol::FetchRequest::kApiKey) return fetch(connection, reader);
    return false;
  }

  bool produce(Connection& connection, protocol::Reader& reader, base::MutableBytes frame) {
    const auto request = protocol::ProduceRequest::decode(reader, kProduceVersion);
    if (!request) return false;
    const auto& topic = request->topic_data.at(0);
    const auto& data = topic.partition_data.at(0);
    Partition* partition = find(topic.name, data.index);
    if (partition == nullptr) return false;
    const auto batch = frame.subspan(static_cast<std::size_t>(data.records->data() - frame.data()),
                                     data.records->size());
    const auto offset = partition->log.append(batch);
    if (!offset) return false;
    protocol::ProduceResponse response;
    auto& answer = response.responses.emplace_back();
    answer.name = topic.name;
    answer.partition_responses.push_back({.index = data.index, .base_offset = *offset});
    set_head(connection,
             protocol::encode_response_frame(connection.correlation_id, response, kProduceVersion));
    if (!send_pending(connection)) return false;
    for (Connection* waiter : std::exchange(partition->waiting, {})) {
      waiter->waits_for = nullptr;
      (void)answer_fetch(*waiter, *partition);  // its own event will tell if it has failed
    }
    return true;
  }

  bool fetch(Connection& connection, protocol::Reader& reader) {
    const auto request = protocol::FetchRequest::decode(reader, kFetchVersion);
    if (!request) return false;
    const auto& topic = request->topics.at(0);
    const auto& asked = topic.partitions.at(0);
    Partition* partition = find(topic.topic, asked.partition);
    if (partition == nullptr) return false;
    connection.topic = topic.topic;
    connection.partition_index = asked.partition;
    connection.fetch_offset = asked.fetch_offset;
    connection.max_bytes = asked.partition_max_bytes;
    if (request->max_wait_ms > 0 && asked.fetch_offset >= partition->log.end_offset()) {
      connection.waits_for = partition;
      partition->waiting.insert(&connection);
      return true;
    }
    return answer_fetch(connection, *partition);
  }

  bool answer_fetch(Connection& connection, Partition& partition) {
    connection.slice = partition.log.slice(connection.fetch_offset, connection.max_bytes);
    connection.file = partition.log.descriptor();
    protocol::FetchResponse response;
    auto& topic = response.responses.emplace_back();
    topic.topic = connection.topic;
    auto& answer = topic.partitions.emplace_back();
    answer.partition_index = connection.partition_index;
    answer.high_watermark = partition.log.end_offset();
    answer.records.external_size_bytes = static_cast<std::uint32_t>(connection.slice.size_bytes);
    set_head(connection,
             protocol::encode_response_frame(connection.correlation_id, response, kFetchVersion));
    return send_pending(connection);
  }

  static void set_head(Connection& connection, protocol::Writer writer) {
    const auto splices = writer.take_splices();
    connection.head = writer.take();
    connection.head_sent = 0;
    connection.head_before_file =
        splices.empty() ? connection.head.size() : splices.front().position_in_buffer;
  }

  // False once the connection is of no more use.
  bool send_pending(Connection& connection) {
    while (connection.head_sent < connection.head.size()) {
      const bool before_file = connection.head_sent < connection.head_before_file;
      ssize_t sent = 0;
      if (!before_file && connection.slice.size_bytes > 0) {
        off_t position = connection.slice.position;
        sent = ::sendfile(connection.descriptor, connection.file, &position,
                          static_cast<std::size_t>(connection.slice.size_bytes));
        if (sent > 0) connection.slice = {position, connection.slice.size_bytes - sent};
      } else {
        const std::size_t end = before_file ? connection.head_before_file : connection.head.size();
        sent = ::send(connection.descriptor, connection.head.data() + connection.head_sent,
                      end - connection.head_sent,
                      MSG_NOSIGNAL | (end < connection.head.size() ? MSG_MORE : 0));
        if (sent > 0) connection.head_sent += static_cast<std::size_t>(sent);
      }
      if (sent <= 0) {
        if (errno != EAGAIN) return false;
        watch(connection, true);
        return true;
      }
    }
    watch(connection, false);
    return true;
  }

  void watch(Connection& connection, bool wants_write) {
    if (connection.wants_write == wants_write) return;
    connection.wants_write = wants_write;
    epoll_event event{.events = wants_write ? EPOLLOUT | EPOLLIN : EPOLLIN,
                      .data = {.ptr = &connection}};
    ::epoll_ctl(poller_, EPOLL_CTL_MOD, connection.descriptor, &event);
  }

  Partition* find(std::string_view topic, std::int32_t index) {
    const std::string name = fmt::format("{}-{}", topic, index);
    const auto place = partitions_.find(name);
    if (place != partitions_.end()) return &place->second;
    auto log = FloorLog::create(directory_ + "/" + name);
    if (!log) return nullptr;
    return &partitions_.emplace(name, Partition{std::move(*log), {}}).first->second;
  }

  const int listener_;
  const int poller_;
  const std::string directory_;
  std::map<std::string, Partition> partitions_;
  std::map<Connection*, std::unique_ptr<Connection>> connections_;
};

base::Result<void> serve(Options options) {
  const std::int64_t port = options.number("port", 0);
  const std::string directory = options.text("directory");
  TRY(options.check_used());
  const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  const int on = 1;
  (void)::setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::bind(listener, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
      ::listen(listener, SOMAXCONN) != 0) {
    return base::fail_errno("listen on port " + std::to_string(port));
  }
  const int poller = ::epoll_create1(EPOLL_CLOEXEC);
  epoll_event event{.events = EPOLLIN, .data = {.ptr = nullptr}};
  ::epoll_ctl(poller, EPOLL_CTL_ADD, listener, &event);
  Floor(listener, poller, directory).run();
  return {};
}

}  // namespace
}  // namespace bench

int main(int argc, char** argv) {
  auto options = bench::Options::parse(argc, argv, 1);
  const auto served =
      options ? bench::serve(std::move(*options)) : base::Result<void>(base::fail(options.error()));
  if (!served) fmt::print(stderr, "floor: {}\n", served.error().to_string());
  return 1;
}
