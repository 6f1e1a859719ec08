// Purpose: when a connection has waited long enough for its peer, and is closed.
//
// What the peer can owe, and what it costs: the next request (idle_max_ms); the rest of a large
// frame while others wait for memory (frame_stall_ms without progress, or slower than all others);
// room for an answer (write_stall_ms without progress: it pins deleted segments). While the broker
// itself is at work there is no deadline.
//
// They are kept lazily: activity only moves marks, and the one timer looks when it fires. So a busy
// connection costs no work on timers.
#pragma once

#include <cstdint>

#include "broker/network/connection_shared.h"
#include "runtime/loop.h"

namespace network {

// One loop; not thread-safe.
class Deadlines {
 public:
  enum class Owed { nothing, request, rest_of_frame, room_for_answer };

  // The connection, as its deadlines see it.
  class Subject {
   public:
    struct Standing {
      Owed owed;
      bool holds_memory;               // of a frame that is not complete
      std::int64_t frame_progress_ns;  // when it last made some
    };
    virtual Standing standing() const = 0;
    // Measures how fast a half-read frame arrives; true: the budget wants its memory back. Called
    // about once a second while memory is held.
    virtual bool measure_frame(std::int64_t now_ns) = 0;
    virtual void on_deadline_passed(const char* reason) = 0;

   protected:
    ~Subject() = default;
  };

  // All outlive it.
  Deadlines(runtime::Loop& loop, const ConnectionOptions& options, Subject& subject);

  void start();
  void stop();  // for good

  void note_activity() { last_active_ns_ = loop_.now_ns(); }
  std::int64_t last_active_ns() const { return last_active_ns_; }
  // The frame holds memory from now on: it is looked at soon.
  void watch_frame();
  // An answer does not fit the socket; it moved; all of it is there.
  void answer_waits();
  void answer_moved() { answer_moved_ns_ = loop_.now_ns(); }
  void answer_sent() { last_active_ns_ = answer_moved_ns_; }

 private:
  struct Due {
    std::int64_t at_ns;
    const char* reason;
  };

  Due next(const Subject::Standing& standing) const;
  void arm(std::int64_t at_ns);
  void look() noexcept;

  runtime::Loop& loop_;
  const ConnectionOptions& options_;
  Subject& subject_;
  std::int64_t last_active_ns_;
  std::int64_t answer_moved_ns_ = 0;  // while room_for_answer is owed
  bool is_stopped_ = false;
  runtime::Timer timer_;
  std::int64_t timer_at_ns_ = 0;
};

}  // namespace network
