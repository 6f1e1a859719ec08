#include "protocol/legacy_message.h"

#include <fmt/core.h>
#include <zlib.h>

#include <algorithm>

namespace protocol {
namespace {

constexpr std::size_t kPartLengthBytes = 4;

std::unexpected<base::Error> bad_message(const char* what) {
  return base::fail(base::Errc::corrupt, std::string("legacy message ") + what);
}

// The first entry of a message set.
base::Result<LegacyMessageView> next_inside(base::Bytes rest, std::int8_t magic) {
  auto framed = frame_legacy_header(rest);
  if (!framed) return bad_message("inside is cut off");
  const LegacyMessageView message = *framed;
  if (message.magic() != magic || message.is_compressed()) {
    return bad_message("inside has another format");
  }
  if (message.size_bytes() > static_cast<std::int64_t>(rest.size())) {
    return bad_message("inside is cut off");
  }
  return message;
}

}  // namespace

std::optional<Codec> LegacyMessageView::codec() const {
  const auto codec = codec_from_attributes(attributes());
  return codec == Codec::zstd ? std::nullopt : codec;
}

bool LegacyMessageView::is_checksum_right() const {
  const base::Bytes covered = bytes_.subspan(batch_at::kMagic);
  return crc() == ::crc32_z(0, reinterpret_cast<const Bytef*>(covered.data()), covered.size());
}

base::Result<std::optional<base::Bytes>> LegacyMessageView::value() const {
  base::Bytes rest = bytes_.subspan(legacy_at::kKey[magic()]);
  const auto take = [&rest](std::optional<base::Bytes>& into) {
    if (rest.size() < kPartLengthBytes) return false;
    const auto length = base::load_be<std::int32_t>(rest.data());
    rest = rest.subspan(kPartLengthBytes);
    if (length < 0) return true;
    if (static_cast<std::size_t>(length) > rest.size()) return false;
    into = rest.first(static_cast<std::size_t>(length));
    rest = rest.subspan(static_cast<std::size_t>(length));
    return true;
  };
  std::optional<base::Bytes> key;
  std::optional<base::Bytes> value;
  if (!take(key) || !take(value)) return bad_message("is shorter than its parts");
  return value;
}

base::Result<LegacyMessageView> frame_legacy_header(base::Bytes bytes) {
  if (bytes.size() <= batch_at::kMagic) return base::fail(base::Errc::end_of_stream);
  const LegacyMessageView message(bytes);
  const int magic = message.magic();
  if (magic != 0 && magic != 1) return bad_message("has another magic");
  const std::int64_t length = message.size_bytes() - static_cast<std::int64_t>(kBatchFrameBytes);
  const std::size_t length_min = legacy_at::kLengthMin[magic];
  if (length < static_cast<std::int64_t>(length_min)) {
    return base::fail(base::Errc::corrupt, fmt::format("legacy message of {} bytes", length));
  }
  if (bytes.size() < kBatchFrameBytes + length_min) {
    return base::fail(base::Errc::end_of_stream);
  }
  return message;
}

base::Result<void> for_each_legacy_record(const LegacyMessageView& message,
                                          std::size_t output_limit_bytes,
                                          const std::function<bool(const LegacyRecord&)>& visit) {
  if (!message.is_compressed()) {
    (void)visit({message.offset(), message.timestamp()});
    return {};
  }
  const auto codec = message.codec();
  if (!codec) return bad_message("has an unknown codec");
  TRY_ASSIGN(const auto value, message.value());
  if (!value) return bad_message("is compressed and empty");
  TRY_ASSIGN(const base::Buffer plain, decompress(*codec, *value, output_limit_bytes));

  // v1: offsets inside count from 0, and the last one is the wrapper's; v0: they are absolute.
  std::optional<std::int64_t> last_inside;
  for (base::Bytes rest = plain.bytes(); !rest.empty();) {
    TRY_ASSIGN(const LegacyMessageView inside, next_inside(rest, message.magic()));
    last_inside = inside.offset().value();
    rest = rest.subspan(static_cast<std::size_t>(inside.size_bytes()));
  }
  const std::int64_t wrapper_offset = message.offset().value();
  std::int64_t base = 0;
  if (message.magic() == 1 && wrapper_offset != 0) {
    if (!last_inside || *last_inside < 0 || wrapper_offset < *last_inside) {
      return bad_message("has an offset below those inside it");
    }
    base = wrapper_offset - *last_inside;
  }
  for (base::Bytes rest = plain.bytes(); !rest.empty();) {
    TRY_ASSIGN(const LegacyMessageView inside, next_inside(rest, message.magic()));
    const std::int64_t offset = inside.offset().value();
    if (offset < 0 || offset > last_inside) return bad_message("has offsets in disorder inside");
    const bool goes_on =
        visit({base::Offset(base + offset),
               message.is_log_append_time() ? message.timestamp() : inside.timestamp()});
    if (!goes_on) return {};
    rest = rest.subspan(static_cast<std::size_t>(inside.size_bytes()));
  }
  return {};
}

}  // namespace protocol
