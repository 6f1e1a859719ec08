// Purpose: the files of a log directory as text, as Kafka 3.9's DumpLogSegments prints them.
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <string>
#include <string_view>

#include "runtime/file.h"
#include "tools/console/deserializer.h"
#include "tools/dump_log/findings.h"
#include "tools/tool.h"

namespace dump_log {

struct DumpSettings {
  bool print_contents = false;
  bool deep_iteration = false;  // records, not only batches
  bool verify_index_only = false;
  bool index_sanity_check = false;
  bool skip_record_metadata = false;
  std::int64_t max_bytes = std::numeric_limits<std::int32_t>::max();
  console::Deserialize key_decoder = nullptr;
  console::Deserialize value_decoder = nullptr;
};

class Dumper {
 public:
  // Text goes to `print` as it comes.
  using Print = std::function<void(std::string_view text)>;
  Dumper(runtime::FileSystem& files, const DumpSettings& settings, Print print)
      : files_(files), settings_(settings), print_(std::move(print)) {}

  // By the file's suffix. `unknown` is set, and nothing printed, for other files.
  tools::Outcome<> dump(const std::string& path, bool& unknown);
  const Findings& findings() const { return findings_; }

 private:
  tools::Outcome<> dump_log(const std::string& path);
  tools::Outcome<> dump_offset_index(const std::string& path);
  tools::Outcome<> dump_time_index(const std::string& path);
  tools::Outcome<> dump_producer_snapshot(const std::string& path);
  tools::Outcome<> dump_transaction_index(const std::string& path);
  tools::Outcome<std::string> read(const std::string& path);

  runtime::FileSystem& files_;
  const DumpSettings settings_;
  const Print print_;
  Findings findings_;
};

// What the name of a segment's file tells: "dir/00000000000000000042.index".
struct SegmentFile {
  std::string stem;    // "dir/00000000000000000042"
  std::string suffix;  // ".index"
  std::int64_t base_offset = 0;
};
tools::Outcome<SegmentFile> parse_segment_path(const std::string& path);
std::string absolute_path(const std::string& path);

}  // namespace dump_log
