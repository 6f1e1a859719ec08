// Goal: no content of a small file or name in a log directory crashes its parser, and what parses
// is written back so that it parses to the same.
#include <cstdlib>
#include <string_view>

#include "storage/checkpoint_file.h"
#include "storage/log_directory.h"
#include "storage/log_file_names.h"
#include "storage/meta_properties.h"
#include "storage/partition_metadata.h"
#include "storage/producer_snapshot.h"

namespace {

void require(bool condition) {
  if (!condition) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto entries = storage::parse_offset_checkpoint(text)) {
    require(storage::parse_offset_checkpoint(storage::format_offset_checkpoint(*entries)) ==
            *entries);
  }
  if (const auto id = storage::parse_partition_metadata(text)) {
    require(storage::parse_partition_metadata(storage::format_partition_metadata(*id)) == *id);
  }
  if (const auto entries = storage::decode_producer_snapshot(base::as_bytes(text))) {
    const std::string again = storage::encode_producer_snapshot(*entries);
    require(storage::decode_producer_snapshot(base::as_bytes(again)).has_value());
  }
  (void)storage::parse_meta_properties(text);
  (void)storage::parse_log_file_name(text);
  (void)storage::parse_partition_directory(text);
  return 0;
}
