#include "broker/controller/controller_error.h"

#include <string>

namespace controller {

namespace {

class ControllerDomain final : public std::error_category {
 public:
  const char* name() const noexcept override { return "controller"; }
  std::string message(int code) const override {
    switch (static_cast<ControllerErrc>(code)) {
      case ControllerErrc::moved: return "the controller has moved to another broker";
    }
    return "unknown controller error";
  }
};

}  // namespace

const std::error_category& controller_domain() noexcept {
  static const ControllerDomain domain;
  return domain;
}

}  // namespace controller
