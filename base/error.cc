#include "base/error.h"

#include <cerrno>

namespace base {
namespace {

class GenericDomain final : public std::error_category {
 public:
  const char* name() const noexcept override { return "barnabas"; }

  std::string message(int value) const override {
    switch (static_cast<Errc>(value)) {
      case Errc::cancelled: return "cancelled";
      case Errc::timed_out: return "timed out";
      case Errc::closed: return "closed";
      case Errc::end_of_stream: return "closed by the peer";
      case Errc::would_block: return "would block";
      case Errc::outcome_unknown: return "outcome unknown";
      case Errc::invalid_argument: return "invalid argument";
      case Errc::corrupt: return "corrupt data";
      case Errc::too_large: return "too large";
      case Errc::not_found: return "not found";
      case Errc::already_exists: return "already exists";
      case Errc::out_of_range: return "out of range";
      case Errc::unsupported: return "not supported";
      case Errc::unavailable: return "not available";
      case Errc::internal: return "internal error";
    }
    return "unknown error";
  }
};

}  // namespace

const std::error_category& generic_domain() noexcept {
  static const GenericDomain domain;
  return domain;
}

Error Error::from_errno(std::string context) { return from_errno(errno, std::move(context)); }

Error Error::from_errno(int errno_value, std::string context) {
  return Error(std::error_code(errno_value, std::system_category()), std::move(context));
}

Error Error::with_context(std::string_view outer) && {
  std::string joined(outer);
  if (!context_.empty()) {
    joined += ": ";
    joined += context_;
  }
  return Error(code_, std::move(joined));
}

std::string Error::to_string() const {
  if (context_.empty()) return code_.message();
  return context_ + ": " + code_.message();
}

}  // namespace base
