// Source: RFC 8878 (Zstandard frames and blocks); the highest ratios of DEFLATE, LZ4 and Snappy.
#include <algorithm>

#include "protocol/compression.h"

namespace protocol {
namespace {

constexpr std::size_t kGzipRatioMax = 1032;
constexpr std::size_t kLz4RatioMax = 255;
constexpr std::size_t kSnappyRatioMax = 22;
constexpr std::size_t kZstdBlockBytesMax = 128 * 1024;
constexpr std::uint32_t kZstdMagic = 0xfd2fb528;
constexpr std::uint32_t kZstdSkippableMagic = 0x184d2a50;
constexpr std::uint32_t kZstdSkippableMask = 0xfffffff0;

// Walks the headers of Zstandard's frames and blocks.
class ZstdBlocks {
 public:
  explicit ZstdBlocks(base::Bytes input) : left_(input) {}

  std::size_t output_bytes_max() {
    while (has(4)) {
      const std::uint32_t magic = take(4);
      if ((magic & kZstdSkippableMask) == kZstdSkippableMagic && has(4)) {
        skip(take(4));
      } else if (magic != kZstdMagic || !skip_frame()) {
        break;
      }
    }
    return total_;
  }

 private:
  bool has(std::size_t size) const { return left_.size() >= size; }
  void skip(std::size_t size) { left_ = left_.subspan(std::min(size, left_.size())); }
  // Little-endian; fewer bytes than asked for give a wrong number, which is harmless.
  std::uint32_t take(std::size_t size) {
    std::uint32_t value = 0;
    for (std::size_t i = 0; i < std::min(size, left_.size()); ++i) {
      value |= std::to_integer<std::uint32_t>(left_[i]) << (8 * i);
    }
    skip(size);
    return value;
  }

  // False at the end of the input.
  bool skip_frame() {
    const std::uint32_t descriptor = take(1);
    const bool is_single_segment = (descriptor & 0x20u) != 0;
    constexpr std::size_t kDictionaryBytes[] = {0, 1, 2, 4};
    constexpr std::size_t kContentBytes[] = {0, 2, 4, 8};
    const std::size_t content_bytes = kContentBytes[descriptor >> 6];
    skip(is_single_segment ? std::max<std::size_t>(content_bytes, 1) : content_bytes + 1);
    skip(kDictionaryBytes[descriptor & 3u]);
    for (bool is_last = false; !is_last;) {
      if (!has(3)) return false;
      is_last = skip_block();
    }
    if ((descriptor & 4u) != 0) skip(4);
    return true;
  }

  // True for the last one of its frame.
  bool skip_block() {
    const std::uint32_t header = take(3);
    const std::size_t size = header >> 3;
    const std::uint32_t type = (header >> 1) & 3u;
    const bool is_run = type == 1;
    const bool is_compressed = type == 2;
    total_ += is_compressed ? kZstdBlockBytesMax : size;
    skip(is_run ? 1 : size);
    return (header & 1u) != 0;
  }

  base::Bytes left_;
  std::size_t total_ = 0;
};

}  // namespace

std::size_t decompressed_bytes_bound(Codec codec, base::Bytes input) {
  switch (codec) {
    case Codec::none: return input.size();
    case Codec::gzip: return input.size() * kGzipRatioMax;
    case Codec::snappy: return input.size() * kSnappyRatioMax;
    case Codec::lz4: return input.size() * kLz4RatioMax;
    case Codec::zstd: return ZstdBlocks(input).output_bytes_max();
  }
  return 0;
}

}  // namespace protocol
