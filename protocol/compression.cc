#include "protocol/compression.h"

#include <lz4frame.h>
#include <snappy.h>
#define ZLIB_CONST  // its input is const
#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "base/big_endian.h"
#include "protocol/batch_layout.h"

namespace protocol {
namespace {

constexpr std::size_t kPieceBytes = 64 * 1024;

// xerial's stream header: magic, version 1, compatible with version 1.
constexpr std::array<unsigned char, 16> kXerialHeader = {0x82, 'S', 'N', 'A', 'P', 'P', 'Y', 0,
                                                         0,    0,   0,   1,   0,   0,   0,   1};
constexpr std::size_t kXerialMagicBytes = 8;
constexpr std::size_t kXerialBlockBytes = 32 * 1024;
constexpr std::size_t kXerialLengthBytes = 4;  // in front of each block

constexpr int kGzipWindowBits = 15 + 16;  // the largest window, with gzip's header
constexpr int kZlibMemoryLevel = 8;       // zlib's own choice

constexpr std::array<std::string_view, 5> kNames = {"none", "gzip", "snappy", "lz4", "zstd"};

std::unexpected<base::Error> bad_stream(std::string_view codec, std::string_view what) {
  return base::fail(base::Errc::corrupt, std::string(codec) + " stream: " + std::string(what));
}

const char* chars(base::Bytes bytes) { return reinterpret_cast<const char*>(bytes.data()); }

}  // namespace

// One codec's running state. Decoders with costly contexts are kept per thread for the next use.
class DecompressStream::Decoder {
 public:
  virtual ~Decoder() = default;
  virtual void start(base::Bytes input) { input_ = input; }
  virtual base::Result<base::Bytes> next() = 0;

 protected:
  base::Bytes input_;
};

namespace {

using Decoder = DecompressStream::Decoder;

class PlainDecoder final : public Decoder {
 public:
  base::Result<base::Bytes> next() override { return std::exchange(input_, {}); }
};

class GzipDecoder final : public Decoder {
 public:
  GzipDecoder() : piece_(kPieceBytes) {}
  ~GzipDecoder() override {
    if (is_ready_) ::inflateEnd(&stream_);
  }

  void start(base::Bytes input) override {
    input_ = input;
    is_done_ = input.empty();
    if (is_ready_) {
      ::inflateReset(&stream_);
    } else {
      is_ready_ = ::inflateInit2(&stream_, kGzipWindowBits) == Z_OK;
    }
  }

  base::Result<base::Bytes> next() override {
    if (!is_ready_) return bad_stream("gzip", "no memory");
    while (!is_done_) {
      stream_.next_in = reinterpret_cast<const Bytef*>(input_.data());
      stream_.avail_in = static_cast<uInt>(std::min<std::size_t>(input_.size(), 1u << 30));
      stream_.next_out = reinterpret_cast<Bytef*>(piece_.data());
      stream_.avail_out = static_cast<uInt>(piece_.size());
      const uInt offered = stream_.avail_in;
      const int status = ::inflate(&stream_, Z_NO_FLUSH);
      input_ = input_.subspan(offered - stream_.avail_in);
      const std::size_t produced = piece_.size() - stream_.avail_out;
      if (status == Z_STREAM_END) {
        // Another member may follow; anything else behind the end is ignored, as Java does.
        const bool has_member =
            input_.size() >= 2 && input_[0] == std::byte{0x1f} && input_[1] == std::byte{0x8b};
        is_done_ = !has_member;
        if (has_member) ::inflateReset(&stream_);
      } else if (status != Z_OK || (produced == 0 && offered == stream_.avail_in)) {
        return bad_stream("gzip", stream_.msg != nullptr ? stream_.msg : "cut off");
      }
      if (produced > 0) return base::Bytes(piece_.data(), produced);
    }
    return base::Bytes();
  }

 private:
  z_stream stream_ = {};
  bool is_ready_ = false;
  bool is_done_ = false;
  std::vector<std::byte> piece_;
};

class SnappyDecoder final : public Decoder {
 public:
  void start(base::Bytes input) override {
    input_ = input;
    is_framed_ = has_magic();
    if (is_framed_) skip_header();
  }

  base::Result<base::Bytes> next() override {
    if (is_cut_off_) return bad_stream("snappy", "header is cut off");
    while (is_framed_ && has_magic()) {  // streams may be concatenated
      skip_header();
      if (is_cut_off_) return bad_stream("snappy", "header is cut off");
    }
    if (input_.empty()) return base::Bytes();
    base::Bytes block = input_;
    if (is_framed_) {
      if (input_.size() < kXerialLengthBytes)
        return bad_stream("snappy", "block length is cut off");
      const auto length = base::load_be<std::int32_t>(input_.data());
      if (length < 0 || static_cast<std::size_t>(length) > input_.size() - kXerialLengthBytes) {
        return bad_stream("snappy", "block is cut off");
      }
      block = input_.subspan(kXerialLengthBytes, static_cast<std::size_t>(length));
    }
    input_ = input_.subspan(static_cast<std::size_t>(block.data() - input_.data()) + block.size());
    std::size_t plain_bytes = 0;
    // A 3-byte copy gives at most 64 bytes: a larger claim is a lie, and would cost memory.
    if (!::snappy::GetUncompressedLength(chars(block), block.size(), &plain_bytes) ||
        plain_bytes > block.size() * 32 + 64) {
      return bad_stream("snappy", "block length");
    }
    piece_.resize(plain_bytes);
    if (!::snappy::RawUncompress(chars(block), block.size(),
                                 reinterpret_cast<char*>(piece_.data()))) {
      return bad_stream("snappy", "block is malformed");
    }
    if (plain_bytes == 0) return next();
    return base::Bytes(piece_);
  }

 private:
  bool has_magic() const {
    return input_.size() >= kXerialMagicBytes &&
           std::equal(kXerialHeader.begin(), kXerialHeader.begin() + kXerialMagicBytes,
                      reinterpret_cast<const unsigned char*>(input_.data()));
  }
  void skip_header() {
    is_cut_off_ = input_.size() < kXerialHeader.size();
    if (!is_cut_off_) input_ = input_.subspan(kXerialHeader.size());
  }

  bool is_framed_ = false;
  bool is_cut_off_ = false;
  std::vector<std::byte> piece_;
};

class Lz4Decoder final : public Decoder {
 public:
  Lz4Decoder() : piece_(kPieceBytes) { ::LZ4F_createDecompressionContext(&context_, LZ4F_VERSION); }
  ~Lz4Decoder() override { ::LZ4F_freeDecompressionContext(context_); }

  void start(base::Bytes input) override {
    input_ = input;
    is_done_ = input.empty();
    is_started_ = false;
    if (context_ != nullptr) ::LZ4F_resetDecompressionContext(context_);
  }

  base::Result<base::Bytes> next() override {
    if (context_ == nullptr) return bad_stream("lz4", "no memory");
    if (!is_started_ && !is_done_) TRY(check_frame());
    is_started_ = true;
    while (!is_done_) {
      std::size_t produced = piece_.size();
      std::size_t consumed = input_.size();
      const std::size_t hint =
          ::LZ4F_decompress(context_, piece_.data(), &produced, input_.data(), &consumed, nullptr);
      if (::LZ4F_isError(hint) != 0) return bad_stream("lz4", ::LZ4F_getErrorName(hint));
      input_ = input_.subspan(consumed);
      // Java reads one frame and ignores what follows.
      is_done_ = hint == 0;
      if (produced > 0) return base::Bytes(piece_.data(), produced);
      if (!is_done_ && consumed == 0) return bad_stream("lz4", "cut off");
    }
    return base::Bytes();
  }

 private:
  // What Java's clients could not read must not enter the log.
  base::Result<void> check_frame() const {
    constexpr std::array<unsigned char, 4> kMagic = {0x04, 0x22, 0x4d, 0x18};
    constexpr unsigned char kIndependentBlocks = 0x20;
    const auto* bytes = reinterpret_cast<const unsigned char*>(input_.data());
    if (input_.size() < 7 || !std::equal(kMagic.begin(), kMagic.end(), bytes)) {
      return bad_stream("lz4", "no frame header");
    }
    if ((bytes[4] & kIndependentBlocks) == 0) return bad_stream("lz4", "dependent blocks");
    return {};
  }

  LZ4F_dctx* context_ = nullptr;
  bool is_started_ = false;
  bool is_done_ = false;
  std::vector<std::byte> piece_;
};

class ZstdDecoder final : public Decoder {
 public:
  ZstdDecoder() : context_(::ZSTD_createDCtx()), piece_(kPieceBytes) {}
  ~ZstdDecoder() override { ::ZSTD_freeDCtx(context_); }

  void start(base::Bytes input) override {
    input_ = input;
    is_frame_open_ = false;
    is_flushed_ = true;
    if (context_ != nullptr) ::ZSTD_DCtx_reset(context_, ZSTD_reset_session_only);
  }

  base::Result<base::Bytes> next() override {
    if (context_ == nullptr) return bad_stream("zstd", "no memory");
    while (!input_.empty() || !is_flushed_) {
      ZSTD_inBuffer in{input_.data(), input_.size(), 0};
      ZSTD_outBuffer out{piece_.data(), piece_.size(), 0};
      const std::size_t hint = ::ZSTD_decompressStream(context_, &out, &in);
      if (::ZSTD_isError(hint) != 0) return bad_stream("zstd", ::ZSTD_getErrorName(hint));
      input_ = input_.subspan(in.pos);
      is_frame_open_ = hint != 0;
      is_flushed_ = hint == 0 || out.pos < out.size;
      if (out.pos > 0) return base::Bytes(piece_.data(), out.pos);
      if (in.pos == 0 && is_frame_open_) break;
    }
    if (is_frame_open_) return bad_stream("zstd", "cut off");
    return base::Bytes();
  }

 private:
  ZSTD_DCtx* context_;
  bool is_frame_open_ = false;
  bool is_flushed_ = true;  // the context holds no output back
  std::vector<std::byte> piece_;
};

std::unique_ptr<Decoder> make_decoder(Codec codec) {
  switch (codec) {
    case Codec::none: return std::make_unique<PlainDecoder>();
    case Codec::gzip: return std::make_unique<GzipDecoder>();
    case Codec::snappy: return std::make_unique<SnappyDecoder>();
    case Codec::lz4: return std::make_unique<Lz4Decoder>();
    case Codec::zstd: return std::make_unique<ZstdDecoder>();
  }
  return std::make_unique<PlainDecoder>();
}

// One idle decoder per codec and thread.
std::unique_ptr<Decoder>& idle_decoder(Codec codec) {
  thread_local std::array<std::unique_ptr<Decoder>, kNames.size()> idle;
  return idle[static_cast<std::size_t>(codec)];
}

base::Result<base::Buffer> compress_gzip(base::Bytes input, int level) {
  z_stream stream = {};
  if (::deflateInit2(&stream, level, Z_DEFLATED, kGzipWindowBits, kZlibMemoryLevel,
                     Z_DEFAULT_STRATEGY) != Z_OK) {
    return base::fail(base::Errc::invalid_argument, "gzip level " + std::to_string(level));
  }
  base::Buffer out = base::Buffer::with_capacity(::deflateBound(&stream, input.size()));
  stream.next_in = reinterpret_cast<const Bytef*>(input.data());
  stream.avail_in = static_cast<uInt>(input.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.spare().data());
  stream.avail_out = static_cast<uInt>(out.capacity());
  const int status = ::deflate(&stream, Z_FINISH);
  out.commit(out.capacity() - stream.avail_out);
  ::deflateEnd(&stream);
  if (status != Z_STREAM_END) return base::fail(base::Errc::internal, "gzip compression");
  return out;
}

base::Result<base::Buffer> compress_snappy(base::Bytes input) {
  base::Buffer out = base::Buffer::with_capacity(kXerialHeader.size() + input.size() / 2 + 64);
  out.append(std::as_bytes(std::span(kXerialHeader)));
  std::vector<char> block(::snappy::MaxCompressedLength(kXerialBlockBytes));
  while (!input.empty()) {
    const base::Bytes plain = input.first(std::min(input.size(), kXerialBlockBytes));
    input = input.subspan(plain.size());
    std::size_t length = 0;
    ::snappy::RawCompress(chars(plain), plain.size(), block.data(), &length);
    std::array<std::byte, kXerialLengthBytes> prefix;
    base::store_be<std::int32_t>(prefix.data(), static_cast<std::int32_t>(length));
    out.append(prefix);
    out.append(base::as_bytes({block.data(), length}));
  }
  return out;
}

base::Result<base::Buffer> compress_lz4(base::Bytes input, std::optional<int> level) {
  LZ4F_preferences_t preferences = {};
  preferences.frameInfo.blockSizeID = LZ4F_max64KB;
  preferences.frameInfo.blockMode = LZ4F_blockIndependent;
  preferences.compressionLevel = level.value_or(0);
  base::Buffer out =
      base::Buffer::with_capacity(::LZ4F_compressFrameBound(input.size(), &preferences));
  const std::size_t length = ::LZ4F_compressFrame(out.spare().data(), out.capacity(), input.data(),
                                                  input.size(), &preferences);
  if (::LZ4F_isError(length) != 0) {
    return base::fail(base::Errc::internal, std::string("lz4: ") + ::LZ4F_getErrorName(length));
  }
  out.commit(length);
  return out;
}

base::Result<base::Buffer> compress_zstd(base::Bytes input, int level) {
  base::Buffer out = base::Buffer::with_capacity(::ZSTD_compressBound(input.size()));
  const std::size_t length =
      ::ZSTD_compress(out.spare().data(), out.capacity(), input.data(), input.size(), level);
  if (::ZSTD_isError(length) != 0) {
    return base::fail(base::Errc::internal, std::string("zstd: ") + ::ZSTD_getErrorName(length));
  }
  out.commit(length);
  return out;
}

}  // namespace

std::string_view codec_name(Codec codec) { return kNames[static_cast<std::size_t>(codec)]; }

std::optional<Codec> parse_codec(std::string_view name) {
  if (name == "uncompressed") return Codec::none;
  for (std::size_t i = 0; i < kNames.size(); ++i) {
    if (name == kNames[i]) return static_cast<Codec>(i);
  }
  return std::nullopt;
}

std::optional<Codec> codec_from_attributes(std::int16_t attributes) {
  const auto number = static_cast<std::size_t>(attributes & batch_attribute::kCodecMask);
  if (number >= kNames.size()) return std::nullopt;
  return static_cast<Codec>(number);
}

DecompressStream::DecompressStream(Codec codec, base::Bytes input, std::size_t output_limit_bytes)
    : codec_(codec), output_limit_bytes_(output_limit_bytes) {
  decoder_ = std::move(idle_decoder(codec));
  if (decoder_ == nullptr) decoder_ = make_decoder(codec);
  decoder_->start(input);
}

DecompressStream::~DecompressStream() { idle_decoder(codec_) = std::move(decoder_); }

base::Result<base::Bytes> DecompressStream::next() {
  TRY_ASSIGN(const base::Bytes piece, decoder_->next());
  if (piece.size() > output_limit_bytes_ - output_bytes_) {
    return base::fail(base::Errc::too_large, "decompressed records exceed " +
                                                 std::to_string(output_limit_bytes_) + " bytes");
  }
  output_bytes_ += piece.size();
  return piece;
}

base::Result<base::Buffer> decompress(Codec codec, base::Bytes input,
                                      std::size_t output_limit_bytes) {
  DecompressStream stream(codec, input, output_limit_bytes);
  base::Buffer out;
  for (;;) {
    TRY_ASSIGN(const base::Bytes piece, stream.next());
    if (piece.empty()) return out;
    out.append(piece);
  }
}

base::Result<base::Buffer> compress(Codec codec, base::Bytes input, std::optional<int> level) {
  if (input.size() > INT32_MAX) return base::fail(base::Errc::too_large, "records to compress");
  switch (codec) {
    case Codec::none: return base::Buffer::copy_of(input);
    case Codec::gzip: return compress_gzip(input, level.value_or(Z_DEFAULT_COMPRESSION));
    case Codec::snappy: return compress_snappy(input);
    case Codec::lz4: return compress_lz4(input, level);
    case Codec::zstd: return compress_zstd(input, level.value_or(ZSTD_CLEVEL_DEFAULT));
  }
  return base::fail(base::Errc::unsupported, "codec");
}

}  // namespace protocol
