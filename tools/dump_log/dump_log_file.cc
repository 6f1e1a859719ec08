// The `.log` part of the dumper: batches and records.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/result.h"
#include "tools/dump_log/batch_file.h"
#include "tools/dump_log/dump.h"

namespace dump_log {

using tools::failure;
using tools::Outcome;

namespace {

std::string batch_line(const Batch& batch, std::int64_t position) {
  std::string line;
  if (batch.is_legacy() || batch.bytes().size() < protocol::kBatchHeaderBytes) {
    line = fmt::format("offset: {}", batch.last_offset());
  } else {
    const protocol::RecordBatchView view = batch.view();
    line = fmt::format(
        "baseOffset: {} lastOffset: {} count: {} baseSequence: {} lastSequence: {} producerId: {} "
        "producerEpoch: {} partitionLeaderEpoch: {} isTransactional: {} isControl: {} "
        "deleteHorizonMs: {}",
        view.base_offset(), view.last_offset(), view.record_count(), view.base_sequence(),
        view.last_sequence(), view.producer_id(), view.producer_epoch(), view.leader_epoch(),
        view.is_transactional(), view.is_control(),
        view.has_delete_horizon() ? fmt::format("OptionalLong[{}]", view.base_timestamp())
                                  : "OptionalLong.empty");
  }
  const auto codec = batch.codec();
  return fmt::format(
      "{} position: {} {}: {} size: {} magic: {} compresscodec: {} crc: {} isvalid: {}\n", line,
      position, name_of(batch.timestamp_type()), batch.max_timestamp_ms(), batch.size_bytes(),
      batch.magic(), codec ? protocol::codec_name(*codec) : "unknown", batch.crc(),
      batch.is_valid());
}

std::int64_t size_of(const Record::Field& field) {
  return field ? static_cast<std::int64_t>(field->size()) : -1;
}

std::string control_text(const Batch& batch, const Record& record) {
  const auto type = record.key && record.key->size() >= 4
                        ? base::load_be<std::int16_t>(base::as_bytes(*record.key).data() + 2)
                        : std::int16_t{-1};
  const auto marker = protocol::read_end_transaction_marker(batch.view());
  if (!marker || !*marker) return fmt::format(" controlType: UNKNOWN({})", type);
  return fmt::format(" endTxnMarker: {} coordinatorEpoch: {}",
                     (*marker)->is_commit ? "COMMIT" : "ABORT", (*marker)->coordinator_epoch);
}

std::string record_metadata(const Batch& batch, const Record& record) {
  std::string text = fmt::format("| offset: {} {}: {} keySize: {} valueSize: {}", record.offset,
                                 name_of(batch.timestamp_type()), record.timestamp_ms,
                                 size_of(record.key), size_of(record.value));
  if (batch.is_legacy()) {
    // The brace is Kafka's.
    return text + fmt::format(" isValid: {} crc: {}}}", record.is_valid, record.crc);
  }
  text += fmt::format(" sequence: {} headerKeys: [{}]", record.sequence,
                      fmt::join(record.header_keys, ","));
  if (batch.view().is_control()) text += control_text(batch, record);
  return text;
}

void append_decoded(std::string_view bytes, console::Deserialize decoder, std::string& text) {
  if (decoder == nullptr) {
    text += bytes;
  } else if (const auto decoded = decoder(bytes, text); !decoded) {
    text += fmt::format("<{}>", decoded.error().message);
  }
}

}  // namespace

Outcome<> Dumper::dump_log(const std::string& path) {
  TRY_ASSIGN(const SegmentFile segment, parse_segment_path(path));
  print_(fmt::format("Log starting offset: {}\n", segment.base_offset));
  TRY_ASSIGN(const BatchFile file, BatchFile::open(files_, path));
  const bool is_limited = settings_.max_bytes < std::numeric_limits<std::int32_t>::max();
  const std::int64_t end = is_limited ? settings_.max_bytes : file.size_bytes();
  std::optional<std::int64_t> last_offset;
  std::int64_t position = 0;
  while (true) {
    TRY_ASSIGN(const auto batch, file.batch_at(position, end));
    if (!batch) break;
    print_(batch_line(*batch, position));
    position += batch->size_bytes();
    if (!settings_.deep_iteration) continue;
    const auto print_record = [&](const Record& record) {
      if (last_offset && record.offset != *last_offset + 1) {
        findings_.not_consecutive(absolute_path(path), *last_offset, record.offset);
      }
      last_offset = record.offset;
      std::string line = settings_.skip_record_metadata ? "" : record_metadata(*batch, record);
      const bool is_control = !batch->is_legacy() && batch->view().is_control();
      if (settings_.print_contents && !is_control) {
        if (record.key) {
          line += settings_.skip_record_metadata ? "| key: " : " key: ";
          append_decoded(*record.key, settings_.key_decoder, line);
        }
        if (record.value) {
          line += " payload: ";
          append_decoded(*record.value, settings_.value_decoder, line);
        }
      }
      line += '\n';
      print_(line);
    };
    if (const auto walked = for_each_record(*batch, print_record); !walked) {
      print_(fmt::format("| unreadable: {}\n", walked.error().message));
    }
  }
  if (position < file.size_bytes() && !is_limited) {
    print_(fmt::format("Found {} invalid bytes at the end of {}\n", file.size_bytes() - position,
                       path.substr(path.rfind('/') + 1)));
  }
  return {};
}

}  // namespace dump_log
