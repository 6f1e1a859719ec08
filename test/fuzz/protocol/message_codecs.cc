#include "test/fuzz/protocol/message_codecs.h"

#include <algorithm>
#include <string_view>

#include "base/check.h"
#include "protocol/gen/all_messages.h"

namespace test {
namespace {

template <class Message>
base::Result<base::Buffer> round_trip(base::Bytes input, std::int16_t version) {
  protocol::Reader reader(input);
  TRY_ASSIGN(const Message message, Message::decode(reader, version));
  if (reader.remaining() > 0) return base::fail(base::Errc::out_of_range, "bytes left over");
  protocol::Writer writer;
  message.encode(writer, version);
  VERIFY(writer.position() == message.size_bytes(version), "{} bytes written, {} computed",
         writer.position(), message.size_bytes(version));
  base::Buffer output = writer.take();
  VERIFY(output.capacity() <= std::max<std::size_t>(output.size(), 64), "allocated twice");
  return output;
}

struct Collect {
  std::vector<MessageCodec>& codecs;

  template <class Message>
  void operator()(std::string_view api, std::string_view kind) const {
    codecs.push_back({.name = std::string(api) + " " + std::string(kind),
                      .api_key = Message::kApiKey,
                      .min_version = Message::kMinVersion,
                      .max_version = Message::kMaxVersion,
                      .first_flexible = Message::kFirstFlexible,
                      .round_trip = &round_trip<Message>});
  }
};

}  // namespace

const std::vector<MessageCodec>& message_codecs() {
  static const std::vector<MessageCodec> codecs = [] {
    std::vector<MessageCodec> all;
    protocol::for_each_message(Collect{all});
    return all;
  }();
  return codecs;
}

bool check_any_input(const MessageCodec& codec, base::Bytes input, std::int16_t version) {
  const auto once = codec.round_trip(input, version);
  if (!once) return false;
  const auto twice = codec.round_trip(once->bytes(), version);
  VERIFY(twice.has_value(), "{} v{}: our own encoding does not decode: {}", codec.name, version,
         twice.error().to_string());
  VERIFY(std::ranges::equal(once->bytes(), twice->bytes()), "{} v{} is not stable", codec.name,
         version);
  return true;
}

}  // namespace test
