// Purpose: the one error type that functions return: a code of some domain plus short context.
//
// A domain is a std::error_category, so errno values, generic codes and each module's own enum
// live side by side: `error.is(base::Errc::cancelled)`, `error.is(std::errc::no_space_on_device)`.
// A module adds its enum with BASE_ERROR_DOMAIN below. Kafka's error codes are chosen at the API
// edge in one mapping and never travel in here.
#pragma once

#include <string>
#include <string_view>
#include <system_error>

namespace base {

// Codes that mean the same in every module.
enum class Errc {
  cancelled = 1,      // the caller (or a closing owner) asked for the end; not a failure
  timed_out,          // the deadline passed; the operation did not take effect
  closed,             // the object is closed and takes no more work
  end_of_stream,      // the peer closed its side in an orderly way
  would_block,        // nothing to do without waiting
  outcome_unknown,    // the request may or may not have taken effect
  invalid_argument,   // the caller's input breaks a rule
  corrupt,            // bytes from network, disk or ZooKeeper make no sense
  too_large,          // a limit would be exceeded
  not_found,
  already_exists,
  out_of_range,
  unsupported,
  unavailable,        // not now: try later
  internal,           // a rule of our own was broken
};

const std::error_category& generic_domain() noexcept;

inline std::error_code make_error_code(Errc code) noexcept {
  return {static_cast<int>(code), generic_domain()};
}

class Error {
 public:
  template <class Code>
    requires std::is_error_code_enum_v<Code> || std::is_error_condition_enum_v<Code>
  explicit Error(Code code, std::string context = {})
      : code_(make_code(code)), context_(std::move(context)) {}
  explicit Error(std::error_code code, std::string context = {})
      : code_(code), context_(std::move(context)) {}

  // The calling thread's errno, with the operation and object as context ("open /data/x").
  static Error from_errno(std::string context);
  static Error from_errno(int errno_value, std::string context);

  const std::error_code& code() const noexcept { return code_; }
  const std::string& context() const noexcept { return context_; }
  template <class Code>
  bool is(Code code) const noexcept {
    return code_ == code;
  }

  // Puts "outer: " before the context, for a caller that knows more.
  Error with_context(std::string_view outer) &&;
  // "context: message of the code", for logs and for a user's one line.
  std::string to_string() const;

 private:
  template <class Code>
  static std::error_code make_code(Code code) noexcept {
    if constexpr (std::is_error_code_enum_v<Code>) {
      return std::error_code(code);
    } else {
      return std::error_code(static_cast<int>(code), std::generic_category());
    }
  }

  std::error_code code_;
  std::string context_;
};

}  // namespace base

template <>
struct std::is_error_code_enum<base::Errc> : std::true_type {};
