// Goal: no input makes a decoder crash, read outside the frame or allocate without bound, and what
// decodes is encoded to something that decodes to the same.
//
// Method: libFuzzer. The first byte chooses the message, the second the version, the rest is the
// body. harness/fuzz_seeds.py makes seeds of the recorded vectors.
#include <cstddef>
#include <cstdint>
#include <span>

#include "test/fuzz/protocol/message_codecs.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const auto& codecs = test::message_codecs();
  const test::MessageCodec& codec = codecs[data[0] % codecs.size()];
  const int versions = codec.max_version - codec.min_version + 1;
  const auto version = static_cast<std::int16_t>(codec.min_version + data[1] % versions);
  test::check_any_input(codec, std::as_bytes(std::span(data + 2, size - 2)), version);
  return 0;
}
