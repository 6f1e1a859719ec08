// Goal: nothing that calls itself a controller makes a broker crash, hang, or keep it from its next
// start. Method: libFuzzer; the input is the body of one LeaderAndIsr, StopReplica or
// UpdateMetadata in any version, whose epochs are made such that it is listened to.
#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "base/log.h"
#include "protocol/gen/leader_and_isr.h"
#include "protocol/gen/stop_replica.h"
#include "protocol/gen/update_metadata.h"
#include "test/unit/broker/api/handlers_bench.h"

namespace {

constexpr std::int32_t kEpoch = 2;

template <class Request>
void send(api_test::HandlersBench& bench, base::Bytes body, std::uint8_t choice) {
  const int versions = Request::kMaxVersion - Request::kMinVersion + 1;
  const auto version = static_cast<std::int16_t>(Request::kMinVersion + choice % versions);
  protocol::Reader reader(body);
  auto request = Request::decode(reader, version);
  if (!request) {
    (void)bench.send(Request::kApiKey, version, body);
    return;
  }
  request->controller_epoch = kEpoch;
  request->broker_epoch = -1;
  protocol::Writer writer;
  request->encode(writer, version);
  const base::Buffer encoded = writer.take();
  (void)bench.send(Request::kApiKey, version, encoded.bytes());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  base::set_log_level(base::LogLevel::off);
  api_test::HandlersBench bench(size);
  const base::Bytes body(reinterpret_cast<const std::byte*>(data) + 2, size - 2);
  switch (data[0] % 3) {
    case 0: send<protocol::LeaderAndIsrRequest>(bench, body, data[1]); break;
    case 1: send<protocol::StopReplicaRequest>(bench, body, data[1]); break;
    default: send<protocol::UpdateMetadataRequest>(bench, body, data[1]); break;
  }
  VERIFY(bench.can_restart(), "no broker can start from what is left");
  return 0;
}
