// Goal: AlterPartition reaches whoever is the controller now: one that hangs, cannot be reached or
// is none any more holds up nothing once its successor is known.
#include "broker/replication/isr_by_controller.h"

#include <doctest/doctest.h>

#include "base/log.h"
#include "protocol/api_key.h"
#include "protocol/error_code.h"
#include "protocol/gen/api_versions.h"
#include "protocol/gen/update_metadata.h"
#include "protocol/headers.h"
#include "runtime/sim/sim_network.h"
#include "runtime/sim/sim_world.h"
#include "runtime/stream_io.h"
#include "test/unit/broker/replication/isr_keeper.h"

namespace {

using protocol::AlterPartitionRequest;
using protocol::AlterPartitionResponse;
using replication::IsrChange;
using replication::IsrVerdict;
using replication_test::FakeOwner;
using Kind = IsrVerdict::Kind;

constexpr std::uint16_t kPort = 9092;

// Says yes to every proposal, in the versions that it speaks.
class FakeController {
 public:
  FakeController(runtime::SimWorld& world, const std::string& ip)
      : loop_(world, ip), scope_(loop_, "fake controller") {
    listener_ = std::move(*loop_.listen(*runtime::SocketAddress::from_ip(ip, kPort), {}));
    scope_.spawn(accept());
  }
  runtime::SimLoop& loop() { return loop_; }
  runtime::Task<void> stop() {
    listener_->close();
    scope_.cancel();
    co_await scope_.join();
  }

  std::int16_t version_max = AlterPartitionRequest::kMaxVersion;
  protocol::ErrorCode error = protocol::ErrorCode::kNone;
  bool is_muted = false;  // takes requests and answers none
  std::vector<AlterPartitionRequest> requests;
  std::int16_t last_version = -1;

 private:
  runtime::Task<void> accept() {
    for (;;) {
      auto connection = co_await listener_->accept();
      if (!connection) co_return;
      auto stream = loop_.adopt(std::move(*connection));
      if (stream) scope_.spawn(serve(std::move(*stream)));
    }
  }

  runtime::Task<base::Result<base::Buffer>> read_frame(runtime::Stream* stream) {
    base::Buffer frame = base::Buffer::with_capacity(4);
    frame.commit(4);
    CO_TRY(co_await runtime::read_exact(*stream, frame.mutable_bytes(), runtime::kNoTimeout,
                                        scope_.token()));
    const auto size = static_cast<std::size_t>(protocol::Reader(frame.bytes()).read_int32());
    frame = base::Buffer::with_capacity(size);
    frame.commit(size);
    CO_TRY(co_await runtime::read_exact(*stream, frame.mutable_bytes(), runtime::kNoTimeout,
                                        scope_.token()));
    co_return std::move(frame);
  }

  runtime::Task<void> serve(std::unique_ptr<runtime::Stream> stream) {
    for (;;) {
      const auto frame = co_await read_frame(stream.get());
      if (!frame) co_return;
      auto response = answer(frame->bytes());
      if (!response) co_return;
      if (is_muted) continue;
      runtime::OutputList output;
      output.add(std::move(*response));
      if (!co_await runtime::write_all(*stream, std::move(output), runtime::kNoTimeout,
                                       scope_.token())) {
        co_return;
      }
    }
  }

  base::Result<base::Buffer> answer(base::Bytes frame) {
    protocol::Reader reader(frame);
    TRY_ASSIGN(const protocol::RequestHeader header, protocol::RequestHeader::decode(reader));
    const auto encode = [&header](const auto& response) {
      return protocol::encode_response_frame(header.correlation_id, response, header.api_version)
          .take();
    };
    if (header.api_key == protocol::ApiVersionsRequest::kApiKey) {
      protocol::ApiVersionsResponse versions;
      auto& api = versions.api_keys.emplace_back();
      api.api_key = AlterPartitionRequest::kApiKey;
      api.max_version = version_max;
      return encode(versions);
    }
    TRY_ASSIGN(const auto request, AlterPartitionRequest::decode(reader, header.api_version));
    requests.push_back(request);
    last_version = header.api_version;
    AlterPartitionResponse response;
    response.error_code = protocol::to_wire(error);
    for (const auto& topic : request.topics) {
      auto& told = response.topics.emplace_back();
      told.topic_name = topic.topic_name;
      told.topic_id = topic.topic_id;
      for (const auto& partition : topic.partitions) {
        auto& data = told.partitions.emplace_back();
        data.partition_index = partition.partition_index;
        data.leader_id = request.broker_id;
        data.leader_epoch = partition.leader_epoch;
        data.partition_epoch = partition.partition_epoch + 1;
        data.isr = {1, 2};
      }
    }
    return encode(response);
  }

  runtime::SimLoop loop_;
  std::unique_ptr<runtime::Listener> listener_;
  runtime::TaskScope scope_;
};

struct Fixture {
  Fixture() {
    base::set_log_level(base::LogLevel::off);
    config::NetworkConfig network;
    network.inter_broker_listener = "PLAINTEXT";
    link = std::make_unique<cluster::ControllerLink>(loop, resolver, metadata, network, 1);
    replication::IsrByController::Options options;
    options.broker_id = 1;
    options.broker_epoch = [this] { return broker_epoch; };
    route = std::make_unique<replication::IsrByController>(*link, metadata, std::move(options));
    route->start();
    change.topic_id.bytes[0] = 7;
  }
  ~Fixture() {
    world.block_on(loop, link->close());
    world.block_on(a.loop(), a.stop());
    world.block_on(b.loop(), b.stop());
  }
  // UpdateMetadata names broker 2 (host a) or 3 (host b).
  void elect(std::int32_t id, std::int32_t epoch) {
    protocol::UpdateMetadataRequest request;
    request.controller_id = id;
    request.controller_epoch = epoch;
    for (const std::int32_t broker : {2, 3}) {
      auto& live = request.live_brokers.emplace_back();
      live.id = broker;
      auto& endpoint = live.endpoints.emplace_back();
      endpoint.host = broker == 2 ? "10.0.0.2" : "10.0.0.3";
      endpoint.port = kPort;
      endpoint.listener = "PLAINTEXT";
    }
    metadata.apply(request);
    world.run_for(1);
  }
  // Starts a try, whose verdict is in `verdict` when it has ended.
  void begin(runtime::TaskScope& scope) { scope.spawn(try_once(this)); }
  static runtime::Task<void> try_once(Fixture* self) {
    self->verdict.reset();
    const auto verdicts = co_await self->route->write({self->change});
    self->verdict = verdicts[0];
  }
  IsrVerdict write_once() { return world.block_on(loop, route->write({change}))[0]; }

  runtime::SimWorld world{1};
  runtime::SimLoop loop{world, "10.0.0.1"};
  runtime::SimWorkerPool resolver{world};
  FakeController a{world, "10.0.0.2"};
  FakeController b{world, "10.0.0.3"};
  cluster::MetadataCache metadata;
  std::int64_t broker_epoch = 77;
  std::unique_ptr<cluster::ControllerLink> link;
  std::unique_ptr<replication::IsrByController> route;
  std::shared_ptr<FakeOwner> owner = std::make_shared<FakeOwner>();
  IsrChange change = owner->change("t");
  std::optional<IsrVerdict> verdict;
};

}  // namespace

TEST_CASE("the controller is asked in the highest version that both speak") {
  Fixture fixture;
  CHECK_EQ(fixture.write_once().kind, Kind::again);  // nobody is the controller
  fixture.elect(2, 1);
  const IsrVerdict verdict = fixture.write_once();
  CHECK_EQ(verdict.kind, Kind::confirmed);
  CHECK_EQ(verdict.state.partition_epoch.value(), 4);
  REQUIRE_EQ(fixture.a.requests.size(), 1);
  CHECK_EQ(fixture.a.requests[0].broker_id, 1);
  CHECK_EQ(fixture.a.requests[0].broker_epoch, 77);
  CHECK_EQ(fixture.a.last_version, 3);
  fixture.b.version_max = 1;
  fixture.elect(3, 2);
  CHECK_EQ(fixture.write_once().kind, Kind::confirmed);
  CHECK_EQ(fixture.b.last_version, 1);
  CHECK_EQ(fixture.b.requests[0].topics[0].topic_name, "t");
}

TEST_CASE("without a registration nobody is asked, and a refusal is tried again") {
  Fixture fixture;
  fixture.elect(2, 1);
  fixture.broker_epoch = -1;
  CHECK_EQ(fixture.write_once().kind, Kind::again);
  CHECK(fixture.a.requests.empty());
  fixture.broker_epoch = 78;
  fixture.a.error = protocol::ErrorCode::kNotController;
  CHECK_EQ(fixture.write_once().kind, Kind::again);
  CHECK_EQ(fixture.a.requests.size(), 1);
}

TEST_CASE("a controller that hangs is waited for until there is another") {
  Fixture fixture;
  fixture.elect(2, 1);
  CHECK_EQ(fixture.write_once().kind, Kind::confirmed);
  fixture.a.is_muted = true;
  runtime::TaskScope scope(fixture.loop, "try");
  fixture.begin(scope);
  fixture.world.run_for(5000);
  CHECK(!fixture.verdict);
  // The same one, told again.
  fixture.elect(2, 1);
  fixture.world.run_for(5000);
  CHECK(!fixture.verdict);
  fixture.elect(3, 2);
  fixture.world.run_for(100);
  REQUIRE(fixture.verdict);
  CHECK_EQ(fixture.verdict->kind, Kind::again);
  CHECK_EQ(fixture.write_once().kind, Kind::confirmed);
  CHECK_EQ(fixture.b.requests.size(), 1);
}

TEST_CASE("the same broker elected again has forgotten what it was asked") {
  Fixture fixture;
  fixture.elect(2, 1);
  fixture.a.is_muted = true;
  runtime::TaskScope scope(fixture.loop, "try");
  fixture.begin(scope);
  fixture.world.run_for(1000);
  fixture.a.is_muted = false;
  fixture.elect(2, 3);
  fixture.world.run_for(100);
  CHECK(fixture.verdict);
  CHECK_EQ(fixture.write_once().kind, Kind::confirmed);
}

TEST_CASE("a controller that cannot be reached any more is given up for its successor") {
  Fixture fixture;
  fixture.elect(2, 1);
  fixture.world.network().cut_both_ways("10.0.0.1", "10.0.0.2");
  runtime::TaskScope scope(fixture.loop, "try");
  fixture.begin(scope);
  fixture.world.run_for(1000);
  CHECK(!fixture.verdict);
  fixture.elect(3, 2);
  fixture.world.run_for(100);
  REQUIRE(fixture.verdict);
  CHECK_EQ(fixture.write_once().kind, Kind::confirmed);
  CHECK_EQ(fixture.b.requests.size(), 1);
}
