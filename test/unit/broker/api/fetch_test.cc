// Goal: Fetch answers as Kafka does in each version, however versions change within a session, and
// its frame keeps to the client's limit. Method: requests as bytes through the dispatcher, over
// real partitions on a simulated disk; answers decoded as a client would.
#include "broker/api/fetch.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "broker/api/dispatcher.h"
#include "protocol/gen/update_metadata.h"
#include "protocol/record_batch_builder.h"
#include "runtime/sim/sim_file_system.h"
#include "runtime/sim/sim_world.h"

namespace api {
namespace {

using base::Offset;
using protocol::ApiKey;
using protocol::ErrorCode;
using protocol::FetchRequest;
using protocol::FetchResponse;
using PartitionData = FetchResponse::FetchableTopicResponse::PartitionData;

constexpr std::int32_t kBrokerId = 1;
const base::Uuid kTopicId = *base::Uuid::parse("qCqvWVu9Q6OJ_udtfKYegA");

// What came back, with the bytes that `response` points into.
struct Answer {
  std::vector<std::byte> frame;
  FetchResponse response;

  const PartitionData& only() const {
    REQUIRE(response.responses.size() == 1);
    REQUIRE(response.responses[0].partitions.size() == 1);
    return response.responses[0].partitions[0];
  }
};

struct Fixture {
  Fixture() {
    REQUIRE(files.create_directories("/data").has_value());
    storage::LogManagerOptions options;
    options.log_dirs = {"/data"};
    options.config_of = [](const std::string&) {
      return std::make_shared<const storage::LogConfig>();
    };
    auto opened = storage::LogManager::open(files, world.random(), options);
    if (!opened) FAIL(opened.error().to_string());
    logs = std::move(*opened);
    REQUIRE(logs->load([](auto job) { job(); }, [] { return std::int64_t{1000}; }).has_value());
    fetch.emplace(FetchApi::Options{.fetch_max_bytes = 1 << 20}, partitions, *logs, metadata,
                  sessions);
    dispatcher.add(ApiKey::kFetch, *fetch);
  }

  std::shared_ptr<replication::Partition> host(std::int32_t index, std::int32_t leader_epoch = 0) {
    auto log = logs->get_or_create({"topic", index}, kTopicId, 1000);
    if (!log) FAIL(log.error().to_string());
    auto partition = std::make_shared<replication::Partition>(
        base::TopicPartition{"topic", index}, base::BrokerId(kBrokerId), std::move(*log));
    lead(*partition, leader_epoch);
    partitions.put(partition);
    protocol::UpdateMetadataRequest update;
    auto& broker = update.live_brokers.emplace_back();
    broker.id = kBrokerId;
    broker.endpoints.emplace_back().listener = "PLAINTEXT";
    auto& topic = update.topic_states.emplace_back();
    topic.topic_name = "topic";
    topic.topic_id = kTopicId;
    auto& state = topic.partition_states.emplace_back();
    state.partition_index = index;
    state.leader = kBrokerId;
    state.replicas = state.isr = {kBrokerId};
    (void)metadata.apply(update);
    return partition;
  }
  static void lead(replication::Partition& partition, std::int32_t epoch) {
    replication::LeaderState state;
    state.leader = base::BrokerId(kBrokerId);
    state.leader_epoch = base::LeaderEpoch(epoch);
    state.isr = state.replicas = {base::BrokerId(kBrokerId)};
    REQUIRE(partition.make_leader(state, 0));
  }
  static void append(replication::Partition& partition, base::Buffer batch,
                     storage::AppendOrigin origin = storage::AppendOrigin::client) {
    storage::AppendRequest request;
    request.records = batch.mutable_bytes();
    request.origin = origin;
    request.now_ms = 1000;
    const auto validated = partition.log().validate(request);
    REQUIRE(validated.has_value());
    REQUIRE(partition.append(*validated, 1, 1000).has_value());
  }
  static base::Buffer batch(const std::string& value, std::int64_t producer_id = -1) {
    protocol::BatchOptions options;
    options.producer_id = producer_id;
    options.producer_epoch = producer_id < 0 ? -1 : 0;
    options.base_sequence = producer_id < 0 ? -1 : 0;
    options.is_transactional = producer_id >= 0;
    protocol::RecordBatchBuilder builder(options);
    builder.append(1000, std::nullopt, base::as_bytes(value));
    return builder.build().value();
  }
  static void abort(replication::Partition& partition, std::int64_t producer_id) {
    append(partition, protocol::build_end_transaction_marker({false, 1}, producer_id, 0, 1000),
           storage::AppendOrigin::coordinator);
  }

  // A request for these partitions, in a form that fits `version`.
  static FetchRequest request(std::int16_t version, std::vector<std::int32_t> indexes,
                              std::int64_t offset = 0) {
    FetchRequest request;
    request.max_bytes = 1 << 20;
    request.min_bytes = 1;
    request.session_epoch = -1;
    if (indexes.empty()) return request;
    auto& topic = request.topics.emplace_back();
    if (version >= 13) {
      topic.topic_id = kTopicId;
    } else {
      topic.topic = "topic";
    }
    for (const std::int32_t index : indexes) {
      auto& partition = topic.partitions.emplace_back();
      partition.partition = index;
      partition.fetch_offset = offset;
      partition.partition_max_bytes = 1 << 20;
    }
    return request;
  }

  Answer send(const FetchRequest& request, std::int16_t version) {
    protocol::Writer body;
    request.encode(body, version);
    network::RequestContext context;
    context.header = {.api_key = static_cast<std::int16_t>(ApiKey::kFetch),
                      .api_version = version,
                      .correlation_id = 77,
                      .client_id = "client"};
    context.frame = body.take();
    context.listener = &listener;
    context.connection = &connection;
    const network::Reply reply = world.block_on(loop, dispatcher.handle(context));
    REQUIRE_FALSE(reply.response.close_connection);
    Answer answer;
    for (const auto& piece : reply.response.output.pieces()) {
      const std::size_t at = answer.frame.size();
      answer.frame.resize(at + piece.size_bytes);
      const base::MutableBytes into = base::MutableBytes(answer.frame).subspan(at);
      if (piece.is_file()) {
        REQUIRE(piece.slice.file->pread(into, piece.slice.position) == piece.size_bytes);
      } else {
        std::ranges::copy(piece.bytes(), into.begin());
      }
    }
    protocol::Reader reader(answer.frame);
    CHECK(reader.read_int32() == static_cast<std::int32_t>(answer.frame.size() - 4));
    CHECK(reader.read_int32() == 77);
    if (version >= 12) reader.skip_tagged_fields();
    auto response = FetchResponse::decode(reader, version);
    REQUIRE(response.has_value());
    CHECK(reader.remaining() == 0);
    answer.response = std::move(*response);
    return answer;
  }

  runtime::SimWorld world{1};
  runtime::SimLoop loop{world};
  runtime::SimFileSystem files{world.clock()};
  std::unique_ptr<storage::LogManager> logs;
  replication::PartitionTable partitions;
  cluster::MetadataCache metadata;
  replication::FetchSessionTable sessions{100};
  std::optional<FetchApi> fetch;
  Dispatcher dispatcher;
  network::ListenerContext listener{.name = "PLAINTEXT"};
  network::ConnectionInfo connection;
};

std::size_t records_bytes(const PartitionData& data) { return data.records.inline_bytes.size(); }

TEST_CASE("records come back in every version that can carry them") {
  Fixture test;
  Fixture::append(*test.host(0), Fixture::batch("value"));
  for (std::int16_t version = 4; version <= FetchResponse::kMaxVersion; ++version) {
    CAPTURE(version);
    const Answer answer = test.send(Fixture::request(version, {0}), version);
    const PartitionData& data = answer.only();
    CHECK(data.error_code == 0);
    CHECK(data.high_watermark == 1);
    CHECK(data.last_stable_offset == 1);
    CHECK(records_bytes(data) > 60);
  }
}

TEST_CASE("a log that diverged is asked about in no version that cannot say it") {
  Fixture test;
  const auto partition = test.host(0, 0);
  for (int i = 0; i < 3; ++i) Fixture::append(*partition, Fixture::batch("of epoch 0"));
  Fixture::lead(*partition, 5);
  for (int i = 0; i < 3; ++i) Fixture::append(*partition, Fixture::batch("of epoch 5"));
  // Epoch 0 ends at 3 here; the client has it up to 5.
  FetchRequest request = Fixture::request(12, {0}, 5);
  request.topics[0].partitions[0].last_fetched_epoch = 0;
  request.session_epoch = 0;
  const Answer first = test.send(request, 12);
  CHECK(first.only().diverging_epoch.epoch == 0);
  CHECK(first.only().diverging_epoch.end_offset == 3);
  const std::int32_t session = first.response.session_id;
  REQUIRE(session != 0);

  // The session goes on in other versions, naming nothing.
  std::int32_t epoch = 1;
  for (const std::int16_t version : {11, 7, 12, 8}) {
    CAPTURE(version);
    FetchRequest next = Fixture::request(version, {});
    next.session_id = session;
    next.session_epoch = epoch++;
    const Answer answer = test.send(next, version);
    CHECK(answer.response.error_code == 0);
    const PartitionData& data = answer.only();
    CHECK(data.error_code == 0);
    CHECK(data.diverging_epoch.epoch == (version >= 12 ? 0 : -1));
    CHECK((records_bytes(data) > 0) == (version < 12));
  }
}

TEST_CASE("readers of committed records are told of aborted transactions in what they get") {
  Fixture test;
  const auto partition = test.host(0);
  Fixture::append(*partition, Fixture::batch("aborted", 4000));  // 0
  Fixture::abort(*partition, 4000);                              // 1
  Fixture::append(*partition, Fixture::batch("committed"));      // 2
  Fixture::append(*partition, Fixture::batch("aborted", 5000));  // 3
  Fixture::abort(*partition, 5000);                              // 4
  Fixture::append(*partition, Fixture::batch("open", 6000));     // 5
  for (std::int16_t version = 4; version <= FetchResponse::kMaxVersion; ++version) {
    CAPTURE(version);
    FetchRequest request = Fixture::request(version, {0});
    const Answer uncommitted = test.send(request, version);
    CHECK(!uncommitted.only().aborted_transactions);
    CHECK(uncommitted.only().last_stable_offset == 5);

    request.isolation_level = 1;
    const Answer committed = test.send(request, version);
    CHECK(committed.only().last_stable_offset == 5);
    CHECK(committed.only().high_watermark == 6);
    const auto& aborted = committed.only().aborted_transactions;
    REQUIRE(aborted);
    REQUIRE(aborted->size() == 2);
    CHECK(aborted->at(0).producer_id == 4000);
    CHECK(aborted->at(0).first_offset == 0);
    CHECK(aborted->at(1).producer_id == 5000);
    CHECK(records_bytes(committed.only()) < records_bytes(uncommitted.only()));

    // Only those in the range that is returned.
    request.topics[0].partitions[0].partition_max_bytes = 1;
    const Answer one_batch = test.send(request, version);
    REQUIRE(one_batch.only().aborted_transactions);
    CHECK(one_batch.only().aborted_transactions->size() == 1);
    request.topics[0].partitions[0].fetch_offset = 2;
    CHECK(test.send(request, version).only().aborted_transactions->empty());
    // At the end of what is stable: an empty list.
    request.topics[0].partitions[0].fetch_offset = 5;
    const Answer nothing = test.send(request, version);
    CHECK(records_bytes(nothing.only()) == 0);
    REQUIRE(nothing.only().aborted_transactions);
    CHECK(nothing.only().aborted_transactions->empty());
  }
}

TEST_CASE("no list and an empty list of aborted transactions, as Kafka gives them with errors") {
  Fixture test;
  const auto partition = test.host(0);
  for (const std::int8_t isolation : {0, 1}) {
    for (std::int16_t version = 4; version <= FetchResponse::kMaxVersion; ++version) {
      CAPTURE(version);
      FetchRequest unknown = Fixture::request(version, {9});
      unknown.isolation_level = isolation;
      const Answer not_known = test.send(unknown, version);
      CHECK(not_known.only().error_code == 3);
      CHECK(not_known.only().aborted_transactions);
      CHECK(not_known.only().last_stable_offset == -1);
      FetchRequest beyond = Fixture::request(version, {0}, 99);
      beyond.isolation_level = isolation;
      const Answer out_of_range = test.send(beyond, version);
      CHECK(out_of_range.only().error_code == 1);
      CHECK(!out_of_range.only().aborted_transactions);
      if (version < 13) continue;
      for (const base::Uuid& id : {base::Uuid{}, *base::Uuid::parse("aaaaaaaaQ6OJ_udtfKYegA")}) {
        unknown.topics[0].topic_id = id;
        const Answer no_such_id = test.send(unknown, version);
        CHECK(no_such_id.only().error_code ==
              static_cast<std::int16_t>(ErrorCode::kUnknownTopicId));
        CHECK(no_such_id.only().aborted_transactions);
      }
    }
  }
}

TEST_CASE("the frame keeps to the client's limit, whatever is in it") {
  Fixture test;
  std::vector<std::int32_t> indexes;
  for (std::int32_t i = 0; i < 40; ++i) {
    indexes.push_back(i);
    const auto partition = test.host(i);
    Fixture::append(*partition, Fixture::batch(std::string(500, 'a'), 4000));
    Fixture::abort(*partition, 4000);
    for (int j = 0; j < 3; ++j) Fixture::append(*partition, Fixture::batch(std::string(500, 'v')));
  }
  for (std::int16_t version = 4; version <= FetchResponse::kMaxVersion; ++version) {
    CAPTURE(version);
    for (std::int32_t max_bytes = 5000; max_bytes < 90'000; max_bytes += 9'700) {
      FetchRequest request = Fixture::request(version, indexes);
      request.max_bytes = max_bytes;
      request.isolation_level = 1;
      for (auto& partition : request.topics[0].partitions) partition.partition_max_bytes = 1200;
      request.session_epoch = 0;
      const Answer full = test.send(request, version);
      CHECK(full.frame.size() <= static_cast<std::size_t>(max_bytes));
      // And uses it: the next batch would not have fitted.
      CHECK(full.frame.size() + 1400 > std::min<std::size_t>(max_bytes, 29'000));
      if (version < 7) continue;
      FetchRequest next = Fixture::request(version, {});
      next.max_bytes = max_bytes;
      next.isolation_level = 1;
      next.session_id = full.response.session_id;
      next.session_epoch = 1;
      const Answer incremental = test.send(next, version);
      CHECK(incremental.frame.size() <= static_cast<std::size_t>(max_bytes));
      CHECK(incremental.frame.size() + 1400 > std::min<std::size_t>(max_bytes, 29'000));
    }
  }
}

TEST_CASE("a first batch larger than the limit is sent whole") {
  Fixture test;
  Fixture::append(*test.host(0), Fixture::batch(std::string(5000, 'v')));
  FetchRequest request = Fixture::request(11, {0});
  request.max_bytes = 1;
  CHECK(records_bytes(test.send(request, 11).only()) > 5000);
}

TEST_CASE("what a request both names and forgets leaves the session, and the last closes it") {
  Fixture test;
  for (std::int32_t i = 0; i < 2; ++i) Fixture::append(*test.host(i), Fixture::batch("value"));
  FetchRequest request = Fixture::request(11, {0, 1});
  request.session_epoch = 0;
  const std::int32_t session = test.send(request, 11).response.session_id;
  REQUIRE(session != 0);
  request = Fixture::request(11, {0});
  request.session_id = session;
  request.session_epoch = 1;
  FetchRequest::ForgottenTopic forgotten;
  forgotten.topic = "topic";
  forgotten.partitions = {0};
  request.forgotten_topics_data = {forgotten};
  const Answer answer = test.send(request, 11);
  CHECK(answer.response.session_id == session);
  CHECK(answer.only().partition_index == 1);

  request = Fixture::request(11, {});
  request.session_id = session;
  request.session_epoch = 2;
  forgotten.partitions = {1};
  request.forgotten_topics_data = {forgotten};
  CHECK(test.send(request, 11).response.session_id == 0);
  CHECK(test.sessions.size() == 0);
}

}  // namespace
}  // namespace api
