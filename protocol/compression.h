// Purpose: the four codecs in Kafka's framings: gzip member, xerial snappy stream, LZ4 frame with
// independent blocks, zstd frame (org.apache.kafka.common.compress).
//
// Input is hostile: output is bounded, malformed streams give Errc::corrupt, never a crash.
// Any thread; codec state is cached per thread.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "base/buffer.h"
#include "base/bytes.h"
#include "base/result.h"

namespace protocol {

// The numbers are those of the batch attributes, bits 0-2.
enum class Codec : std::uint8_t { none = 0, gzip = 1, snappy = 2, lz4 = 3, zstd = 4 };

// "none" ("uncompressed" in configs), "gzip", "snappy", "lz4", "zstd".
std::string_view codec_name(Codec codec);
std::optional<Codec> parse_codec(std::string_view name);
std::optional<Codec> codec_from_attributes(std::int16_t attributes);

// Decompresses piece by piece, so that a walk over records needs no memory for their whole.
// `input` must outlive the stream.
class DecompressStream {
 public:
  // Fails with Errc::too_large once more than `output_limit_bytes` have come out.
  DecompressStream(Codec codec, base::Bytes input, std::size_t output_limit_bytes);
  ~DecompressStream();
  DecompressStream(const DecompressStream&) = delete;
  DecompressStream& operator=(const DecompressStream&) = delete;

  // The next piece, valid until the next call; empty at the end of the stream.
  base::Result<base::Bytes> next();

  class Decoder;  // one codec's state

 private:
  const Codec codec_;
  const std::size_t output_limit_bytes_;
  std::size_t output_bytes_ = 0;
  std::unique_ptr<Decoder> decoder_;
};

// What `input` may become at most, from the limits of its codec and the headers of its blocks,
// without decompressing anything. For input that is not of this codec: any number.
std::size_t decompressed_bytes_bound(Codec codec, base::Bytes input);

base::Result<base::Buffer> decompress(Codec codec, base::Bytes input,
                                      std::size_t output_limit_bytes);

// `level` as Kafka's compression.<codec>.level; nullopt: the codec's default (gzip -1,
// zstd 3; lz4's default is its fast mode, as in Kafka). Codec::none copies.
base::Result<base::Buffer> compress(Codec codec, base::Bytes input,
                                    std::optional<int> level = std::nullopt);

}  // namespace protocol
