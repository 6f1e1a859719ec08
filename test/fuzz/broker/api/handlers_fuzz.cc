// Goal: no sequence of requests makes a handler crash, hang, or leave a directory from which no
// broker can start. Method: libFuzzer over the handlers themselves, on a simulated disk. The input
// is a list of requests: API key, version, length of the body in two bytes, body; any byte stands
// for some API and some version of it.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/log.h"
#include "test/unit/broker/api/handlers_bench.h"

namespace {

const api::AdvertisedApi& api_of(const std::vector<api::AdvertisedApi>& apis, std::uint8_t byte) {
  const auto named = std::ranges::find(apis, static_cast<std::int16_t>(byte), [](const auto& api) {
    return static_cast<std::int16_t>(api.key);
  });
  return named != apis.end() ? *named : apis[byte % apis.size()];
}

std::int16_t version_of(const api::AdvertisedApi& api, std::uint8_t byte) {
  if (byte >= api.min_version && byte <= api.max_version) return byte;
  return static_cast<std::int16_t>(api.min_version +
                                   byte % (api.max_version - api.min_version + 1));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr std::size_t kHeadBytes = 4;
  constexpr int kRequestsMax = 16;
  base::set_log_level(base::LogLevel::off);
  api_test::HandlersBench bench(size);
  base::Bytes rest(reinterpret_cast<const std::byte*>(data), size);
  for (int i = 0; i < kRequestsMax && rest.size() >= kHeadBytes; ++i) {
    const api::AdvertisedApi& api = api_of(bench.apis(), static_cast<std::uint8_t>(rest[0]));
    const std::int16_t version = version_of(api, static_cast<std::uint8_t>(rest[1]));
    const auto wanted = static_cast<std::size_t>(base::load_be<std::uint16_t>(rest.data() + 2));
    rest = rest.subspan(kHeadBytes);
    const base::Bytes body = rest.first(std::min(wanted, rest.size()));
    rest = rest.subspan(body.size());
    (void)bench.send(static_cast<std::int16_t>(api.key), version, body);
  }
  VERIFY(bench.can_restart(), "no broker can start from what is left");
  return 0;
}
