// Goal: no sequence of requests makes a handler crash, hang, or leave a directory from which no
// broker can start. Method: libFuzzer over the handlers themselves, on a simulated disk. The input
// is a list of requests: API, version, length of the body in two bytes, body.
#include <cstddef>
#include <cstdint>

#include "base/log.h"
#include "test/unit/broker/api/handlers_bench.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr std::size_t kHeadBytes = 4;
  constexpr int kRequestsMax = 16;
  base::set_log_level(base::LogLevel::off);
  api_test::HandlersBench bench(size);
  base::Bytes rest(reinterpret_cast<const std::byte*>(data), size);
  for (int i = 0; i < kRequestsMax && rest.size() >= kHeadBytes; ++i) {
    const auto& apis = bench.apis();
    const auto& api = apis[static_cast<std::size_t>(rest[0]) % apis.size()];
    const int versions = api.max_version - api.min_version + 1;
    const auto version =
        static_cast<std::int16_t>(api.min_version + static_cast<int>(rest[1]) % versions);
    const auto wanted = static_cast<std::size_t>(base::load_be<std::uint16_t>(rest.data() + 2));
    rest = rest.subspan(kHeadBytes);
    const base::Bytes body = rest.first(std::min(wanted, rest.size()));
    rest = rest.subspan(body.size());
    (void)bench.send(static_cast<std::int16_t>(api.key), version, body);
  }
  VERIFY(bench.can_restart(), "no broker can start from what is left");
  return 0;
}
