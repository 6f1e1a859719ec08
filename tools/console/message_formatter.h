// Purpose: how kafka-console-consumer prints a record. Pure.
// Source: DefaultMessageFormatter.java (3.9).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config/properties.h"
#include "tools/console/deserializer.h"
#include "tools/tool.h"

namespace console {

// Views into the message that the client holds.
struct ConsumedRecord {
  using Field = std::optional<std::string_view>;
  enum class TimestampType : std::uint8_t { none, create_time, log_append_time };

  std::int32_t partition = 0;
  std::int64_t offset = 0;
  TimestampType timestamp_type = TimestampType::none;
  std::int64_t timestamp_ms = -1;
  Field key;
  Field value;
  std::vector<std::pair<std::string_view, Field>> headers;
};

class MessageFormatter {
 public:
  // `class_name` is that of --formatter. Properties print.*, *.separator, null.literal and
  // *.deserializer; others are ignored.
  static tools::Outcome<MessageFormatter> create(std::string_view class_name,
                                                 const config::Properties& properties);

  // Appends the record with its line end to `text`; a failure may leave a part there.
  tools::Outcome<> append(const ConsumedRecord& record, std::string& text) const;
  bool needs_headers() const { return print_headers_; }

 private:
  tools::Outcome<> append_field(const ConsumedRecord::Field& field, Deserialize deserialize,
                                std::string& text) const;
  tools::Outcome<> append_headers(const ConsumedRecord& record, std::string& text) const;

  bool is_silent_ = false;  // NoOpMessageFormatter
  // Of a formatter that knows its records; the rest is DefaultMessageFormatter's.
  tools::Outcome<> (*append_record_)(const ConsumedRecord&, std::string&) = nullptr;
  bool print_timestamp_ = false;
  bool print_partition_ = false;
  bool print_offset_ = false;
  bool print_headers_ = false;
  bool print_key_ = false;
  bool print_value_ = true;
  std::string key_separator_ = "\t";
  std::string line_separator_ = "\n";
  std::string headers_separator_ = ",";
  std::string null_literal_ = "null";
  Deserialize key_deserializer_ = nullptr;
  Deserialize value_deserializer_ = nullptr;
  Deserialize headers_deserializer_ = nullptr;
};

}  // namespace console
