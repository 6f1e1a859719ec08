// Purpose: one client connection: reads frames, calls the handler, sends responses in order.
//
// One coroutine reads, handles and writes; a second one exists only while responses are deferred.
// On the hot path (a small request, answered at once) it makes no other coroutine and no allocation
// but the frame's buffer, and calls recv and sendmsg once each.
//
// What closes a connection: the peer; a frame or header that makes no sense; idle for
// connections.max.idle.ms; a response without progress for 60 s (it pins deleted segments); while
// others wait for memory, a large frame that stalled for 10 s, or the largest of those that arrive
// too slowly for their size; a response that says so; the server's stop. What arrived whole before
// the peer went is executed, though nobody will read the answers; nothing is executed behind a
// close of ours. Source: SocketServer.Processor, Selector.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "broker/network/connection_limits.h"
#include "broker/network/frame_assembler.h"
#include "broker/network/memory_budget.h"
#include "broker/network/request.h"
#include "runtime/task_scope.h"
#include "runtime/timer_queue.h"

namespace network {

struct ConnectionOptions {
  std::size_t request_max_bytes = 104857600;
  std::int64_t idle_max_ms = 600'000;  // below 0: never closed
  std::int64_t write_stall_ms = 60'000;
  std::int64_t frame_stall_ms = 10'000;
  // A large frame that would take longer to arrive has a slow sender.
  std::int64_t frame_arrival_ms = 30'000;
  std::size_t in_flight_max = 64;
};

// What all connections of one loop share. Outlives them.
struct ConnectionShared {
  RequestHandler& handler;
  MemoryBudget& budget;
  ConnectionOptions options;
  // Where a read lands first; its content is void as soon as a coroutine suspends.
  base::MutableBytes scratch;
  // Whether a registered broker has this address: its frames may use the memory's reserve. What the
  // sender says of itself proves nothing.
  std::function<bool(const std::string& ip)> is_broker_address = {};
};

// One loop; not thread-safe.
class Connection {
 public:
  Connection(std::unique_ptr<runtime::Stream> stream, const ListenerContext& listener,
             std::uint64_t id, const ConnectionShared& shared);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // Serves until the connection has ended and nothing of it is left. Once.
  runtime::Task<void> run();
  // Ends run() soon: waits of handlers are cancelled, nothing more is sent. Idempotent.
  void close(const char* reason);
  // Takes no further request and ends when those under way are answered.
  void finish();

  const ConnectionInfo& info() const { return info_; }
  const ListenerContext& listener() const { return listener_; }
  std::int64_t last_active_ns() const { return last_active_ns_; }

 private:
  struct Exchange {
    RequestContext context;
    std::optional<runtime::Receiver<Response>> deferred;
    Response response;
  };

  class HandlerCall;
  // The peer sends no more: whoever asked is gone, or will be content with what there is.
  class PeerWatch final : public runtime::ReadyCallback {
   public:
    explicit PeerWatch(runtime::CancelSource& waits) : waits_(waits) {}
    void on_ready() noexcept override { waits_.cancel(); }

   private:
    runtime::CancelSource& waits_;
  };
  struct Deadline {
    std::int64_t at_ns;
    const char* reason;
  };

  runtime::Task<base::Result<void>> serve();
  base::Result<void> read_some();
  bool expects_more() const;
  runtime::Task<base::Result<void>> get_memory();
  bool holds_memory() const { return assembler_.charge().bytes() > 0; }
  void note_progress();
  MemoryBudget::Use memory_use() const;
  bool is_reading_frame() const;
  bool must_give_way(std::int64_t now_ns);

  base::Result<void> begin(FrameAssembler::Frame frame);
  bool may_gather(const FrameAssembler::Frame& frame) const;
  bool may_start() const;
  runtime::Task<base::Result<void>> wait_for_turn();
  void queue(Reply reply);
  runtime::Task<void> write_deferred();
  runtime::Task<base::Result<void>> answer_oldest();
  // True if all of it went out.
  base::Result<bool> write_now(runtime::OutputList& output);
  base::Result<std::size_t> write_some(runtime::OutputList& output);
  runtime::Task<base::Result<void>> write_rest(runtime::OutputList& output);
  runtime::Task<base::Result<void>> flush();
  void send_what_goes() noexcept;
  void retire(std::unique_ptr<Exchange> exchange);

  bool is_muted() const { return muted_until_ns_ != 0; }
  void note_throttle(const Response& response);
  runtime::Task<base::Result<void>> pause_while_muted();

  void note_running() const;
  void fail_request(const std::string& what);
  void report_end(const base::Error& error) const;
  Deadline deadline() const;
  void arm_deadline(std::int64_t at_ns);
  void on_deadline() noexcept;

  const std::unique_ptr<runtime::Stream> stream_;
  const ListenerContext& listener_;
  const ConnectionShared& shared_;
  runtime::Loop& loop_;
  ConnectionInfo info_;
  runtime::TaskScope scope_;  // the writer of deferred responses; its token ends its own waits
  // Of requests that wait for something to happen, and nothing else: what a peer sent before it
  // went is done all the same.
  runtime::CancelSource request_waits_;
  PeerWatch peer_watch_{request_waits_};
  FrameAssembler assembler_;

  // The request that is being handled, and those that wait for their response, oldest first.
  std::unique_ptr<Exchange> current_;
  std::vector<std::unique_ptr<Exchange>> in_flight_;
  std::unique_ptr<Exchange> spare_;
  runtime::OutputList unsent_;  // responses of the reader, while in_flight_ is empty
  runtime::Notify answered_;
  bool has_writer_ = false;
  bool is_finishing_ = false;
  bool closes_behind_queue_ = false;  // a queued response closes: nothing more is begun
  bool is_peer_gone_ = false;         // nobody reads answers any more; they are dropped

  bool read_filled_room_ = false;
  std::size_t turn_bytes_ = 0;  // read since the loop's other work had its turn
  std::int64_t muted_until_ns_ = 0;

  // Deadlines are kept lazily: activity only moves these marks, the timer looks when it fires.
  std::int64_t last_active_ns_;
  std::int64_t write_progress_ns_ = 0;  // not 0: a response waits for the socket
  std::int64_t stall_mark_ns_ = 0;      // when the large frame last made progress
  std::size_t stall_bytes_ = 0;         // since then
  bool is_waiting_for_memory_ = false;
  MemoryBudget::Holder holder_{shared_.budget};
  std::int64_t rate_begun_ns_ = 0;  // 0: the frame's rate is not measured
  std::int64_t rate_bytes_ = 0;     // read since then
  runtime::Timer timer_;
  std::int64_t timer_deadline_ns_ = 0;
};

}  // namespace network
