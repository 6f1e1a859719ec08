#include "tools/verifiable/event.h"

#include <cstdio>

#include "runtime/uv/system.h"

namespace verifiable {

tools::JsonObject event(std::string_view name) {
  tools::JsonObject object;
  object.add("timestamp", runtime::SystemClock().wall_ms()).add("name", std::optional(name));
  return object;
}

void EventPrinter::print(const tools::JsonObject& object) {
  output_ += object.text();
  output_ += '\n';
  if (output_.size() >= kFlushBytes) flush();
}

void EventPrinter::flush() {
  if (output_.empty()) return;
  // Who closes stdout does not want to know; the work goes on, as in Kafka.
  static_cast<void>(std::fwrite(output_.data(), 1, output_.size(), stdout));
  std::fflush(stdout);
  output_.clear();
}

}  // namespace verifiable
