// Purpose: bounds an answer that may grow far beyond its request, because a request can name one
// large thing many times. What does not fit is refused entry by entry.
#pragma once

#include <cstddef>

namespace api {

class AnswerBudget {
 public:
  static constexpr std::size_t kBytesMax = std::size_t{64} * 1024 * 1024;

  explicit AnswerBudget(std::size_t bytes_max = kBytesMax) : left_bytes_(bytes_max) {}

  bool is_spent() const { return left_bytes_ == 0; }
  void take(std::size_t size_bytes) {
    left_bytes_ -= size_bytes < left_bytes_ ? size_bytes : left_bytes_;
  }

 private:
  std::size_t left_bytes_;
};

// The message of INVALID_REQUEST for an entry that did not fit.
inline constexpr const char* kAnswerTooLarge =
    "The answer is too large for one response; ask for less at a time.";

}  // namespace api
