#include "tools/console/message_formatter.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "base/result.h"
#include "tools/console/group_record_formatter.h"

namespace console {

using tools::failure;
using tools::Outcome;

namespace {

void read_flag(const config::Properties& properties, std::string_view key, bool& flag) {
  const config::Property* property = properties.find(key);
  if (property == nullptr) return;
  std::string text = property->value;
  std::erase(text, ' ');
  std::ranges::transform(text, text.begin(), [](unsigned char c) { return std::tolower(c); });
  flag = text == "true";
}

void read_text(const config::Properties& properties, std::string_view key, std::string& text) {
  if (const config::Property* property = properties.find(key)) text = property->value;
}

Outcome<> read_deserializer(const config::Properties& properties, std::string_view key,
                            Deserialize& deserialize) {
  const config::Property* property = properties.find(key);
  if (property == nullptr) return {};
  const auto found = find_deserializer(property->value);
  if (!found) {
    return failure(fmt::format("{} {} is not available in this tool", key, property->value));
  }
  deserialize = *found;
  return {};
}

bool is_one_of(std::string_view class_name, std::string_view simple_name) {
  for (const std::string_view package :
       {"kafka.tools.", "org.apache.kafka.tools.consumer.", "kafka.consumer."}) {
    if (class_name.starts_with(package) && class_name.substr(package.size()) == simple_name) {
      return true;
    }
  }
  return false;
}

}  // namespace

Outcome<MessageFormatter> MessageFormatter::create(std::string_view class_name,
                                                   const config::Properties& properties) {
  MessageFormatter formatter;
  formatter.is_silent_ = is_one_of(class_name, "NoOpMessageFormatter");
  formatter.append_record_ = find_group_record_formatter(class_name);
  if (!formatter.is_silent_ && formatter.append_record_ == nullptr &&
      !is_one_of(class_name, "DefaultMessageFormatter") &&
      !is_one_of(class_name, "LoggingMessageFormatter")) {
    return failure(fmt::format("The formatter {} is not available in this tool", class_name));
  }
  read_flag(properties, "print.timestamp", formatter.print_timestamp_);
  read_flag(properties, "print.partition", formatter.print_partition_);
  read_flag(properties, "print.offset", formatter.print_offset_);
  read_flag(properties, "print.headers", formatter.print_headers_);
  read_flag(properties, "print.key", formatter.print_key_);
  read_flag(properties, "print.value", formatter.print_value_);
  read_text(properties, "key.separator", formatter.key_separator_);
  read_text(properties, "line.separator", formatter.line_separator_);
  read_text(properties, "headers.separator", formatter.headers_separator_);
  read_text(properties, "null.literal", formatter.null_literal_);
  TRY(read_deserializer(properties, "key.deserializer", formatter.key_deserializer_));
  TRY(read_deserializer(properties, "value.deserializer", formatter.value_deserializer_));
  TRY(read_deserializer(properties, "headers.deserializer", formatter.headers_deserializer_));
  return formatter;
}

Outcome<> MessageFormatter::append_field(const ConsumedRecord::Field& field,
                                         Deserialize deserialize, std::string& text) const {
  if (!field) {
    text += null_literal_;
  } else if (deserialize == nullptr) {
    text += *field;
  } else {
    return deserialize(*field, text);
  }
  return {};
}

Outcome<> MessageFormatter::append_headers(const ConsumedRecord& record, std::string& text) const {
  if (record.headers.empty()) text += "NO_HEADERS";
  for (std::size_t i = 0; i < record.headers.size(); ++i) {
    if (i > 0) text += headers_separator_;
    text += record.headers[i].first;
    text += ':';
    TRY(append_field(record.headers[i].second, headers_deserializer_, text));
  }
  return {};
}

Outcome<> MessageFormatter::append(const ConsumedRecord& record, std::string& text) const {
  if (is_silent_) return {};
  if (append_record_ != nullptr) return append_record_(record, text);
  // Each field is ended by a separator if another one follows, by the line end otherwise.
  const auto end_field = [&](bool another_follows) {
    text += another_follows ? key_separator_ : line_separator_;
  };
  if (print_timestamp_) {
    using TimestampType = ConsumedRecord::TimestampType;
    if (record.timestamp_type == TimestampType::none) {
      text += "NO_TIMESTAMP";
    } else {
      text +=
          record.timestamp_type == TimestampType::create_time ? "CreateTime:" : "LogAppendTime:";
      text += fmt::to_string(record.timestamp_ms);
    }
    end_field(print_partition_ || print_offset_ || print_headers_ || print_key_ || print_value_);
  }
  if (print_partition_) {
    text += fmt::format("Partition:{}", record.partition);
    end_field(print_offset_ || print_headers_ || print_key_ || print_value_);
  }
  if (print_offset_) {
    text += fmt::format("Offset:{}", record.offset);
    end_field(print_headers_ || print_key_ || print_value_);
  }
  if (print_headers_) {
    TRY(append_headers(record, text));
    end_field(print_key_ || print_value_);
  }
  if (print_key_) {
    TRY(append_field(record.key, key_deserializer_, text));
    end_field(print_value_);
  }
  if (print_value_) {
    TRY(append_field(record.value, value_deserializer_, text));
    end_field(false);
  }
  return {};
}

}  // namespace console
