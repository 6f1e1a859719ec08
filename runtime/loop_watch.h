// Purpose: says what a loop was busy with when it took too long to look at its sockets again.
//
// Whoever runs something that may take long names it with note_running(). A piece (one resumed
// coroutine, one posted job, the timers) that took longer than kSlowNs, or a turn of many pieces
// that did, is said in one rate-limited line and counted. Wall time and the thread's CPU time are
// both told: a loop that waits for a disk shows as wall time alone.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace runtime {

// What runs on this thread until the present piece ends: "Metadata", the peer, the client's id.
// Longer texts are cut. Costs the copies.
void note_running(std::string_view what, std::string_view peer = {}, std::string_view client = {});
// For code that is resumed behind what it waited for.
bool is_running_named();

struct SlowPieces {
  std::int64_t by_wall = 0;  // pieces and turns above kSlowNs of wall time, of all loops
  std::int64_t by_cpu = 0;   // those of them that used as much CPU time
};
SlowPieces slow_pieces();

// Owned by a loop; on its thread. Time comes from the caller, who has read the clock anyway.
class LoopWatch {
 public:
  static constexpr std::int64_t kSlowNs = 200'000'000;

  void begin_turn(std::int64_t now_ns);
  void begin_piece(const char* kind);
  void end_piece(std::int64_t begun_ns, std::int64_t now_ns) {
    const std::int64_t took_ns = now_ns - begun_ns;
    if (took_ns >= kMarkNs) {
      end_long_piece(took_ns, now_ns);
    } else {
      short_ns_ += took_ns;
    }
  }
  void end_turn(std::int64_t now_ns) {
    if (now_ns - turn_begun_ns_ >= kSlowNs) end_slow_turn(now_ns);
  }

  struct Note {
    void set(std::string_view name, std::string_view from, std::string_view id);
    std::string to_string() const;

    std::array<char, 48> what;
    std::array<char, 48> peer;
    std::array<char, 48> client;
    std::uint8_t what_size = 0;
    std::uint8_t peer_size = 0;
    std::uint8_t client_size = 0;
  };

 private:
  // A thread's CPU clock costs a system call: it is read behind a piece that took so much time,
  static constexpr std::int64_t kMarkNs = 10'000'000;
  // and between turns once in so much. What short pieces took since is taken off: a slow piece is
  // said to have used too much only by what the loop itself used.
  static constexpr std::int64_t kIdleMarkNs = 1'000'000'000;

  void end_long_piece(std::int64_t took_ns, std::int64_t now_ns);
  void end_slow_turn(std::int64_t now_ns);
  // CPU time since the last mark, which is now, but for short pieces.
  std::int64_t mark(std::int64_t now_ns);

  std::int64_t turn_begun_ns_ = 0;
  std::int64_t turn_cpu_ns_ = 0;  // of its long pieces
  bool turn_was_told_ = false;
  std::int64_t longest_ns_ = 0;
  Note longest_;
  std::int64_t marked_ns_ = 0;
  std::int64_t marked_cpu_ns_ = 0;
  std::int64_t short_ns_ = 0;  // of pieces since the last mark
};

// What was named, to be named again by the same code in a later piece.
LoopWatch::Note running_note();
void set_running_note(const LoopWatch::Note& note);

}  // namespace runtime
