#include "tools/dump_log/batch_file.h"

#include <fmt/core.h>
#include <zlib.h>

#include <algorithm>

#include "base/big_endian.h"
#include "base/result.h"

namespace dump_log {

using tools::failure;
using tools::Outcome;

namespace {

// A message of format 0 or 1: offset 8, size 4, crc 4, magic 1, attributes 1, timestamp 8 (format
// 1), key, value, both with their length in 4 bytes.
constexpr std::size_t kCrcAt = 12;
constexpr std::size_t kAttributesAt = 17;
constexpr std::size_t kTimestampAt = 18;
constexpr std::size_t kHeaderUpToMagicBytes = 17;
constexpr std::int32_t kMessageBytesMin = 14;  // behind offset and size
constexpr std::size_t kDecompressedBytesMax = 1u << 30;

constexpr std::size_t legacy_header_bytes(std::int8_t magic) { return magic == 0 ? 18 : 26; }

// A message of format 0 or 1 in bytes that hold it and perhaps more.
class LegacyMessage {
 public:
  // Errors: corrupt.
  static base::Result<LegacyMessage> parse(base::Bytes bytes) {
    if (bytes.size() < kHeaderUpToMagicBytes + 1) {
      return base::fail(base::Errc::corrupt, "message cut off");
    }
    const auto size = base::load_be<std::int32_t>(bytes.data() + 8);
    LegacyMessage message;
    message.magic_ = static_cast<std::int8_t>(bytes[protocol::kBatchMagicAt]);
    const std::size_t header_bytes = legacy_header_bytes(message.magic_);
    if (message.magic_ < 0 || message.magic_ > 1 || size < kMessageBytesMin ||
        static_cast<std::size_t>(size) > bytes.size() - protocol::kBatchFrameBytes ||
        static_cast<std::size_t>(size) + protocol::kBatchFrameBytes < header_bytes) {
      return base::fail(base::Errc::corrupt, "message of impossible size");
    }
    message.bytes_ = bytes.first(static_cast<std::size_t>(size) + protocol::kBatchFrameBytes);
    base::Bytes rest = message.bytes_.subspan(header_bytes);
    TRY_ASSIGN(message.key_, take_field(rest));
    TRY_ASSIGN(message.value_, take_field(rest));
    return message;
  }

  std::int64_t offset() const { return base::load_be<std::int64_t>(bytes_.data()); }
  std::int8_t magic() const { return magic_; }
  std::uint32_t crc() const { return base::load_be<std::uint32_t>(bytes_.data() + kCrcAt); }
  std::uint8_t attributes() const { return static_cast<std::uint8_t>(bytes_[kAttributesAt]); }
  std::int64_t timestamp_ms() const {
    return magic_ == 0 ? -1 : base::load_be<std::int64_t>(bytes_.data() + kTimestampAt);
  }
  bool is_valid() const {
    const base::Bytes covered = bytes_.subspan(protocol::kBatchMagicAt);
    return crc() == ::crc32_z(0, reinterpret_cast<const Bytef*>(covered.data()), covered.size());
  }
  std::size_t size_bytes() const { return bytes_.size(); }
  const std::optional<base::Bytes>& value() const { return value_; }

  Record to_record(std::int64_t offset, std::int64_t timestamp) const {
    Record record;
    record.offset = offset;
    record.timestamp_ms = timestamp;
    if (key_) record.key = base::as_text(*key_);
    if (value_) record.value = base::as_text(*value_);
    record.crc = crc();
    record.is_valid = is_valid();
    return record;
  }

 private:
  static base::Result<std::optional<base::Bytes>> take_field(base::Bytes& rest) {
    if (rest.size() < 4) return base::fail(base::Errc::corrupt, "message cut off");
    const auto length = base::load_be<std::int32_t>(rest.data());
    rest = rest.subspan(4);
    if (length < 0) return std::optional<base::Bytes>();
    if (static_cast<std::size_t>(length) > rest.size()) {
      return base::fail(base::Errc::corrupt, "field longer than its message");
    }
    const base::Bytes field = rest.first(static_cast<std::size_t>(length));
    rest = rest.subspan(field.size());
    return std::optional<base::Bytes>(field);
  }

  base::Bytes bytes_;
  std::int8_t magic_ = 0;
  std::optional<base::Bytes> key_;
  std::optional<base::Bytes> value_;
};

Outcome<> for_each_legacy_record(const Batch& batch,
                                 const std::function<void(const Record&)>& consume) {
  TRY_ASSIGN(const LegacyMessage outer, LegacyMessage::parse(batch.bytes()));
  const auto codec = batch.codec();
  if (!codec) return failure("unknown compression codec");
  if (*codec == protocol::Codec::none) {
    consume(outer.to_record(outer.offset(), outer.timestamp_ms()));
    return {};
  }
  if (!outer.value()) return failure("a compressed message without a value");
  TRY_ASSIGN(const base::Buffer inner,
             protocol::decompress(*codec, *outer.value(), kDecompressedBytesMax));
  std::vector<LegacyMessage> messages;
  for (base::Bytes rest = inner.bytes(); !rest.empty();) {
    TRY_ASSIGN(const LegacyMessage message, LegacyMessage::parse(rest));
    rest = rest.subspan(message.size_bytes());
    messages.push_back(message);
  }
  // Format 1 counts inner offsets from 0; the outer one is the last.
  const std::int64_t base_offset =
      outer.magic() == 0 || messages.empty() ? 0 : outer.offset() - messages.back().offset();
  const bool is_appended = batch.timestamp_type() == TimestampType::log_append_time;
  for (const LegacyMessage& message : messages) {
    consume(message.to_record(base_offset + message.offset(),
                              is_appended ? outer.timestamp_ms() : message.timestamp_ms()));
  }
  return {};
}

Outcome<> for_each_new_record(const Batch& batch,
                              const std::function<void(const Record&)>& consume) {
  if (batch.bytes().size() < protocol::kBatchHeaderBytes) return failure("batch cut off");
  const protocol::RecordBatchView view = batch.view();
  const auto codec = view.codec();
  if (!codec) return failure("unknown compression codec");
  base::Buffer decompressed;
  base::Bytes records = view.records();
  if (*codec != protocol::Codec::none) {
    TRY_ASSIGN(decompressed, protocol::decompress(*codec, records, kDecompressedBytesMax));
    records = decompressed.bytes();
  }
  protocol::RecordReader reader(view, records);
  while (true) {
    TRY_ASSIGN(const auto next, reader.next());
    if (!next) return {};
    Record record;
    record.offset = next->offset.value();
    record.timestamp_ms = next->timestamp_ms;
    if (next->key) record.key = base::as_text(*next->key);
    if (next->value) record.value = base::as_text(*next->value);
    const auto delta = static_cast<std::int32_t>(next->offset - view.base_offset());
    if (view.base_sequence() != protocol::kNoSequence) {
      record.sequence = protocol::sequence_plus(view.base_sequence(), delta);
    }
    protocol::HeaderReader headers(*next);
    while (true) {
      TRY_ASSIGN(const auto header, headers.next());
      if (!header) break;
      record.header_keys.push_back(header->key);
    }
    consume(record);
  }
}

}  // namespace

std::string_view name_of(TimestampType type) {
  switch (type) {
    case TimestampType::none: return "NoTimestampType";
    case TimestampType::create_time: return "CreateTime";
    case TimestampType::log_append_time: break;
  }
  return "LogAppendTime";
}

std::int64_t Batch::last_offset() const {
  if (is_legacy() || bytes_.size() < protocol::kBatchHeaderBytes) {
    return base::load_be<std::int64_t>(bytes_.data());
  }
  return view().last_offset().value();
}

TimestampType Batch::timestamp_type() const {
  if (magic() == 0) return TimestampType::none;
  const std::size_t attributes_at = is_legacy() ? kAttributesAt : protocol::kBatchChecksummedAt + 1;
  if (attributes_at >= bytes_.size()) return TimestampType::none;
  const bool is_appended = (static_cast<unsigned>(bytes_[attributes_at]) & 0x08u) != 0;
  return is_appended ? TimestampType::log_append_time : TimestampType::create_time;
}

std::int64_t Batch::max_timestamp_ms() const {
  if (magic() == 0) return protocol::kNoTimestamp;
  const std::size_t timestamp_at = is_legacy() ? kTimestampAt : 35;
  if (timestamp_at + 8 > bytes_.size()) return protocol::kNoTimestamp;
  return base::load_be<std::int64_t>(bytes_.data() + timestamp_at);
}

std::optional<protocol::Codec> Batch::codec() const {
  const std::size_t attributes_at = is_legacy() ? kAttributesAt : protocol::kBatchChecksummedAt + 1;
  if (attributes_at >= bytes_.size()) return std::nullopt;
  return protocol::codec_from_attributes(static_cast<std::int16_t>(bytes_[attributes_at]));
}

std::uint32_t Batch::crc() const {
  const std::size_t crc_at = is_legacy() ? kCrcAt : kHeaderUpToMagicBytes;
  return crc_at + 4 > bytes_.size() ? 0 : base::load_be<std::uint32_t>(bytes_.data() + crc_at);
}

bool Batch::is_valid() const {
  if (is_legacy()) {
    const auto message = LegacyMessage::parse(bytes_);
    return message && message->is_valid();
  }
  return bytes_.size() >= protocol::kBatchHeaderBytes && view().is_checksum_right();
}

Outcome<> for_each_record(const Batch& batch, const std::function<void(const Record&)>& consume) {
  return batch.is_legacy() ? for_each_legacy_record(batch, consume)
                           : for_each_new_record(batch, consume);
}

Outcome<BatchFile> BatchFile::open(runtime::FileSystem& files, const std::string& path) {
  TRY_ASSIGN(auto file, files.open(path, runtime::OpenMode::read));
  TRY_ASSIGN(const std::int64_t size_bytes, file->size());
  return BatchFile(std::move(file), size_bytes);
}

Outcome<std::optional<Batch>> BatchFile::batch_at(std::int64_t position, std::int64_t end) const {
  end = std::min(end, size_bytes_);
  std::byte frame[kHeaderUpToMagicBytes];
  if (position < 0 || position > end - static_cast<std::int64_t>(sizeof frame)) return std::nullopt;
  TRY_ASSIGN(const std::size_t frame_bytes, file_->pread(frame, position));
  if (frame_bytes < sizeof frame) return std::nullopt;
  const std::int64_t size =
      std::int64_t{base::load_be<std::int32_t>(frame + 8)} + protocol::kBatchFrameBytes;
  const auto magic = static_cast<std::int8_t>(frame[protocol::kBatchMagicAt]);
  const std::int64_t size_min = kMessageBytesMin + protocol::kBatchFrameBytes;
  if (size < size_min || size > end - position || magic < 0 || magic > protocol::kBatchMagic) {
    return std::nullopt;
  }
  std::vector<std::byte> bytes(static_cast<std::size_t>(size));
  TRY_ASSIGN(const std::size_t read_bytes, file_->pread(bytes, position));
  if (read_bytes < bytes.size()) return std::nullopt;
  return std::optional<Batch>(std::in_place, position, std::move(bytes));
}

}  // namespace dump_log
