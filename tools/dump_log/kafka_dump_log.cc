// kafka-dump-log: the files of a partition's directory as text.
// Source: DumpLogSegments.scala (3.9).
#include <fmt/core.h>

#include <cstdio>

#include "base/result.h"
#include "runtime/posix/file_system.h"
#include "tools/dump_log/dump.h"
#include "tools/option_parser.h"
#include "tools/tool.h"

namespace tools {

namespace {

constexpr OptionSpec kOptions[] = {
    {"files", "REQUIRED: the files to dump, joined by ','.", ValueKind::text, "file1, file2, ..."},
    {"print-data-log", "Print keys and values too; implies --deep-iteration."},
    {"deep-iteration", "Print records, not only batches."},
    {"verify-index-only", "Check indexes against the log without printing them."},
    {"index-sanity-check", "Only check what a broker checks of an index at start."},
    {"max-message-size", "Accepted and of no effect.", ValueKind::int32, "size", "5242880"},
    {"max-bytes", "Read only so much of a .log file.", ValueKind::int32, "size", "2147483647"},
    {.name = "value-decoder-class",
     .description = "How to print values: a String, Long, Integer or Default decoder.",
     .kind = ValueKind::text,
     .default_text = "org.apache.kafka.tools.api.StringDecoder",
     .is_value_optional = true},
    {.name = "key-decoder-class",
     .description = "How to print keys: a String, Long, Integer or Default decoder.",
     .kind = ValueKind::text,
     .default_text = "org.apache.kafka.tools.api.StringDecoder",
     .is_value_optional = true},
    {"offsets-decoder", "Not supported by this version."},
    {"transaction-log-decoder", "Not supported by this version."},
    {"skip-record-metadata", "Print keys and values without offsets, times and sizes."},
};
constexpr OptionTable kTable{
    "This tool helps to parse a log file and dump its contents to the console, useful for "
    "debugging a seemingly corrupt log segment.",
    kOptions};

Outcome<console::Deserialize> find_decoder(const Options& options, std::string_view option) {
  std::string name = *options.value(option);
  for (const std::string_view package : {"org.apache.kafka.tools.api.", "kafka.serializer."}) {
    if (name.starts_with(package)) name.erase(0, package.size());
  }
  if (name == "StringDecoder" || name == "DefaultDecoder") return nullptr;
  if (name == "LongDecoder") return *console::find_deserializer("LongDeserializer");
  if (name == "IntegerDecoder") return *console::find_deserializer("IntegerDeserializer");
  return failure(fmt::format("The decoder {} is not available in this tool", name));
}

Outcome<dump_log::DumpSettings> read_settings(const Options& options) {
  for (const std::string_view decoder : {"offsets-decoder", "transaction-log-decoder"}) {
    if (!options.has(decoder)) continue;
    return failure(fmt::format("--{} comes with a later version of this tool", decoder));
  }
  dump_log::DumpSettings settings;
  settings.print_contents = options.has("print-data-log") || options.has("value-decoder-class") ||
                            options.has("key-decoder-class");
  settings.deep_iteration = options.has("deep-iteration") || settings.print_contents;
  settings.verify_index_only = options.has("verify-index-only");
  settings.index_sanity_check = options.has("index-sanity-check");
  settings.skip_record_metadata = options.has("skip-record-metadata");
  settings.max_bytes = *options.number("max-bytes");
  TRY_ASSIGN(settings.key_decoder, find_decoder(options, "key-decoder-class"));
  TRY_ASSIGN(settings.value_decoder, find_decoder(options, "value-decoder-class"));
  return settings;
}

// False if a file could not be dumped; the others are dumped all the same.
bool dump_files(const std::string& list, const dump_log::DumpSettings& settings) {
  const auto files = runtime::make_posix_file_system();
  dump_log::Dumper dumper(*files, settings, [](std::string_view text) {
    std::fwrite(text.data(), 1, text.size(), stdout);
  });
  bool is_good = true;
  for (std::size_t begin = 0; begin <= list.size();) {
    const std::size_t end = std::min(list.find(',', begin), list.size());
    const std::string path = list.substr(begin, end - begin);
    begin = end + 1;
    fmt::print("Dumping {}\n", path);
    bool is_unknown = false;
    const auto dumped = dumper.dump(path, is_unknown);
    std::fflush(stdout);  // keeps the order with what goes to stderr
    if (is_unknown) fmt::print(stderr, "Ignoring unknown file {}\n", path);
    if (!dumped) fmt::print(stderr, "{}\n", dumped.error().message);
    is_good = is_good && dumped.has_value();
  }
  fmt::print(stderr, "{}", dumper.findings().text());
  return is_good;
}

}  // namespace

int kafka_dump_log(const Arguments& arguments) {
  auto options = parse_options(kTable, arguments);
  if (!options) return report(options.error(), kTable);
  if (auto checked = require(*options, {"files"}); !checked) {
    return report(checked.error(), kTable);
  }
  const auto settings = read_settings(*options);
  if (!settings) {
    fmt::print(stderr, "{}\n", settings.error().message);
    return 1;
  }
  return dump_files(*options->given("files"), *settings) ? 0 : 1;
}

}  // namespace tools
