// Goal: requests are byte for byte what Apache ZooKeeper 3.8.0's own jute classes write, and its
// replies are read. The golden bytes were written by those classes.
#include "zkclient/messages.h"

#include <doctest/doctest.h>

#include "test/unit/zkclient/hex.h"

namespace zkclient {
namespace {

using base::Errc;

constexpr std::int64_t kSessionId = 0x100000000000001;

std::string password() {
  std::string password;
  for (char c = 1; c <= 16; ++c) password += c;
  return password;
}

std::vector<std::string> strings(std::initializer_list<const char*> texts) {
  return {texts.begin(), texts.end()};
}

std::vector<Op> multi_ops() {
  return {Op::check("/e", ZkVersion(3)),
          Op::create("/a", "x", CreateMode::persistent, open_acl_unsafe()),
          Op::set("/b", std::nullopt, ZkVersion(4)), Op::remove("/c")};
}

Stat golden_stat() { return {1, 2, 3, 4, ZkVersion(5), 6, 7, 8, 9, 10, 11}; }

std::string with_xid_7(base::Buffer frame) {
  set_xid(frame, 7);
  return to_hex(frame.bytes());
}

TEST_CASE("requests") {
  CHECK(to_hex(encode_connect({.last_zxid_seen = 0x1122334455,
                               .timeout_ms = 18000,
                               .session = {kSessionId, password()}})
                   .bytes()) ==
        "0000002d0000000000000011223344550000465001000000000000010000001001020304"
        "05060708090a0b0c0d0e0f1000");
  CHECK(
      with_xid_7(encode_create("/a", "xy", CreateMode::ephemeral_sequential, open_acl_unsafe())) ==
      "000000330000000700000001000000022f61000000027879000000010000001f00000005"
      "776f726c6400000006616e796f6e6500000003");
  CHECK(with_xid_7(encode_create("/a", std::nullopt, CreateMode::persistent, open_acl_unsafe())) ==
        "000000310000000700000001000000022f61ffffffff000000010000001f00000005776f"
        "726c6400000006616e796f6e6500000000");
  CHECK(with_xid_7(encode_remove("/a", ZkVersion(5))) ==
        "000000120000000700000002000000022f6100000005");
  CHECK(with_xid_7(encode_read(OpCode::exists, "/a", true)) ==
        "0000000f0000000700000003000000022f6101");
  CHECK(with_xid_7(encode_read(OpCode::get_data, "/a", false)) ==
        "0000000f0000000700000004000000022f6100");
  CHECK(with_xid_7(encode_set("/a", "", kAnyVersion)) ==
        "000000160000000700000005000000022f6100000000ffffffff");
  CHECK(with_xid_7(encode_path(OpCode::get_acl, "/a")) == "0000000e0000000700000006000000022f61");
  CHECK(with_xid_7(encode_set_acl("/a", open_acl_unsafe(), 2)) ==
        "0000002d0000000700000007000000022f61000000010000001f00000005776f726c6400"
        "000006616e796f6e6500000002");
  CHECK(with_xid_7(encode_read(OpCode::get_children, "/a", true)) ==
        "0000000f0000000700000008000000022f6101");
  CHECK(with_xid_7(encode_read(OpCode::get_children2, "/a", false)) ==
        "0000000f000000070000000c000000022f6100");
  CHECK(with_xid_7(encode_path(OpCode::sync, "/a")) == "0000000e0000000700000009000000022f61");
  CHECK(with_xid_7(encode_close_session()) == "0000000800000007fffffff5");
  CHECK(with_xid_7(encode_multi(Chroot(), multi_ops())) ==
        "00000081000000070000000e0000000d00ffffffff000000022f65000000030000000100"
        "ffffffff000000022f610000000178000000010000001f00000005776f726c6400000006"
        "616e796f6e65000000000000000500ffffffff000000022f62ffffffff00000004000000"
        "0200ffffffff000000022f63ffffffffffffffff01ffffffff");
}

TEST_CASE("requests with an xid of their own") {
  CHECK(to_hex(encode_ping().bytes()) == "00000008fffffffe0000000b");
  CHECK(to_hex(encode_auth({"digest", "u:p"}).bytes()) ==
        "0000001dfffffffc00000064000000000000000664696765737400000003753a70");
  CHECK(
      to_hex(
          encode_set_watches(9, strings({"/d"}), strings({"/e"}), strings({"/c", "/f"})).bytes()) ==
      "00000034fffffff800000065000000000000000900000001000000022f64000000010000"
      "00022f6500000002000000022f63000000022f66");
}

TEST_CASE("a chroot goes before each path of a multi") {
  const std::vector<Op> below = {Op::remove("/r"), Op::check("/", ZkVersion(0))};
  const std::vector<Op> whole = {Op::remove("/k/r"), Op::check("/k", ZkVersion(0))};
  CHECK(with_xid_7(encode_multi(Chroot("/k"), below)) == with_xid_7(encode_multi(Chroot(), whole)));
}

TEST_CASE("an operation knows its share of a multi") {
  const std::vector<Op> none;
  std::size_t expected = encode_multi(Chroot("/k"), none).size();
  for (const Op& op : multi_ops()) expected += op.encoded_bytes(2);
  CHECK(encode_multi(Chroot("/k"), multi_ops()).size() == expected);
}

TEST_CASE("connect response") {
  const std::string bytes = from_hex(
      "00000000000046500100000000000001000000100102030405060708090a0b0c0d0e0f10"
      "00");
  const auto response = decode_connect(base::as_bytes(bytes));
  REQUIRE(response.has_value());
  CHECK(response->timeout_ms == 18000);
  CHECK(response->session.id == kSessionId);
  CHECK(response->session.password == password());
}

TEST_CASE("replies") {
  const std::string bytes = from_hex(
      "000000070000000000000055000000000000000278790000000000000001000000000000"
      "000200000000000000030000000000000004000000050000000600000007000000000000"
      "0008000000090000000a000000000000000b");
  const auto header = decode_header(base::as_bytes(bytes));
  REQUIRE(header.has_value());
  CHECK(header->xid == 7);
  CHECK(header->zxid == 0x55);
  CHECK(header->error == ZkError::ok);
  JuteReader reader(header->body);
  CHECK(reader.get_data().value() == "xy");
  CHECK(reader.get_stat().value() == golden_stat());
  CHECK(reader.at_end());

  const std::string children = from_hex(
      "000000020000000161000000026263000000000000000100000000000000020000000000"
      "000003000000000000000400000005000000060000000700000000000000080000000900"
      "00000a000000000000000b");
  JuteReader children_reader(base::as_bytes(children));
  CHECK(children_reader.get_strings().value() == strings({"a", "bc"}));
  CHECK(children_reader.get_stat().value() == golden_stat());

  const std::string acl = from_hex(
      "000000010000001f00000005776f726c6400000006616e796f6e65000000000000000100"
      "000000000000020000000000000003000000000000000400000005000000060000000700"
      "00000000000008000000090000000a000000000000000b");
  CHECK(JuteReader(base::as_bytes(acl)).get_acl().value() == open_acl_unsafe());
}

TEST_CASE("null data") {
  const std::string bytes = from_hex(
      "00000007000000000000005500000000ffffffff00000000000000010000000000000002"
      "000000000000000300000000000000040000000500000006000000070000000000000008"
      "000000090000000a000000000000000b");
  JuteReader reader(decode_header(base::as_bytes(bytes)).value().body);
  CHECK(!reader.get_data().value().has_value());
  CHECK(reader.get_stat().value() == golden_stat());
}

TEST_CASE("watch events") {
  const std::string bytes = from_hex(
      "ffffffffffffffffffffffff000000000000000300000003000000092f6368726f6f742f"
      "61");
  const auto header = decode_header(base::as_bytes(bytes));
  REQUIRE(header.has_value());
  CHECK(header->xid == kNotificationXid);
  const auto event = decode_event(header->body);
  REQUIRE((event.has_value() && event->has_value()));
  CHECK(**event == WatchEvent{WatchEvent::Type::data_changed, "/chroot/a"});

  JuteWriter session_event;
  session_event.put_int(-1);
  session_event.put_int(3);
  session_event.put_string("");
  const base::Buffer buffer = std::move(session_event).take();
  CHECK(!decode_event(buffer.bytes()).value().has_value());
}

TEST_CASE("multi replies") {
  const std::string good = from_hex(
      "0000000d0000000000000000010000000000000000022f61000000050000000000000000"
      "000000000100000000000000020000000000000003000000000000000400000005000000"
      "06000000070000000000000008000000090000000a000000000000000b00000002000000"
      "0000ffffffff01ffffffff");
  const auto multi = decode_multi(base::as_bytes(good), 4);
  REQUIRE(multi.has_value());
  CHECK(multi->ok());
  CHECK(multi->results[1].path == "/a");
  CHECK(multi->results[2].stat == golden_stat());

  const std::string bad = from_hex(
      "ffffffff000000000000000000ffffffff00ffffff99ffffff99ffffffff00fffffffeff"
      "fffffeffffffff01ffffffff");
  const auto failed = decode_multi(base::as_bytes(bad), 3);
  REQUIRE(failed.has_value());
  CHECK(failed->first_error()->index == 1);
  CHECK(failed->first_error()->error == ZkError::bad_version);
  CHECK(failed->results[2].error == ZkError::runtime_inconsistency);

  CHECK(decode_multi(base::as_bytes(bad), 2).error().is(Errc::corrupt));
  CHECK(decode_multi(base::as_bytes(bad), 4).error().is(Errc::corrupt));
}

// Every prefix of a good reply, and counts and lengths that promise more than there is, are errors,
// without an allocation of the promised size.
TEST_CASE("hostile replies") {
  const std::string good = from_hex(
      "0000000d0000000000000000010000000000000000022f61000000050000000000000000"
      "000000000100000000000000020000000000000003000000000000000400000005000000"
      "06000000070000000000000008000000090000000a000000000000000b00000002000000"
      "0000ffffffff01ffffffff");
  for (std::size_t size = 0; size < good.size(); ++size) {
    CHECK(!decode_multi(base::as_bytes(good.substr(0, size)), 4).has_value());
  }
  const std::string huge = from_hex("7fffffff0000000000000000");
  CHECK(JuteReader(base::as_bytes(huge)).get_data().error().is(Errc::corrupt));
  CHECK(JuteReader(base::as_bytes(huge)).get_strings().error().is(Errc::corrupt));
  CHECK(JuteReader(base::as_bytes(huge)).get_acl().error().is(Errc::corrupt));
  const std::string negative = from_hex("fffffffe0000000000000000");
  CHECK(JuteReader(base::as_bytes(negative)).get_data().error().is(Errc::corrupt));
  CHECK(JuteReader(base::as_bytes(negative)).get_strings().error().is(Errc::corrupt));
}

}  // namespace
}  // namespace zkclient
