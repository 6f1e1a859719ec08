#include "zkclient/frame_reader.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <ostream>
#include <vector>

#include "base/big_endian.h"

namespace zkclient {
namespace {

using base::Errc;

std::string frame_of(std::string_view content) {
  std::string frame(4, '\0');
  base::store_be(frame.data(), static_cast<std::int32_t>(content.size()));
  return frame.append(content);
}

// Feeds in portions of `step` bytes, as a socket might; gives the frames seen.
std::vector<std::string> feed(FrameReader& reader, std::string_view bytes, std::size_t step) {
  std::vector<std::string> frames;
  while (!bytes.empty()) {
    const base::MutableBytes spare = reader.spare();
    const std::size_t size = std::min({step, spare.size(), bytes.size()});
    if (size == 0) FAIL("no room");
    std::copy_n(base::as_bytes(bytes).data(), size, spare.data());
    reader.commit(size);
    bytes.remove_prefix(size);
    for (;;) {
      const auto frame = reader.next();
      if (!frame.value()) break;
      frames.emplace_back(base::as_text(**frame));
    }
  }
  return frames;
}

TEST_CASE("frames come out whole, however the bytes come in") {
  const std::vector<std::string> contents = {
      "", "a", std::string(100'000, 'x'), "end", std::string(1'000'000, 'y'), "", "last"};
  std::string bytes;
  for (const auto& content : contents) bytes += frame_of(content);
  for (const std::size_t step : {1u, 3u, 1'000u, 65'536u, 10'000'000u}) {
    FrameReader reader(1 << 20);
    CHECK(feed(reader, bytes, step) == contents);
  }
}

TEST_CASE("lengths that make no sense") {
  const auto error_of = [](std::string_view bytes) {
    FrameReader reader(1000);
    std::copy_n(base::as_bytes(bytes).data(), bytes.size(), reader.spare().data());
    reader.commit(bytes.size());
    return reader.next().error().code();
  };
  CHECK(error_of(std::string_view("\xff\xff\xff\xff", 4)) == Errc::corrupt);
  CHECK(error_of(std::string_view("\x80\x00\x00\x00", 4)) == Errc::corrupt);
  CHECK(error_of(std::string_view("\x00\x00\x03\xe9", 4)) == Errc::too_large);
}

}  // namespace
}  // namespace zkclient
