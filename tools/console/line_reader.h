// Purpose: what kafka-console-producer makes of its input: lines, and records from lines. Pure but
// for LineSource, which reads a descriptor.
// Source: LineMessageReader in ConsoleProducer.scala (3.9).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config/properties.h"
#include "tools/tool.h"

namespace console {

// Views into the line.
struct LineRecord {
  using Field = std::optional<std::string_view>;  // null or bytes
  Field key;
  Field value;
  std::vector<std::pair<std::string_view, Field>> headers;
};

// Lines are parsed as "h1:v1,h2:v2<tab>key<tab>value", headers and key only if asked for.
class LineReader {
 public:
  // Properties parse.key, key.separator, ignore.error, parse.headers, headers.delimiter,
  // headers.separator, headers.key.separator, null.marker; others are ignored.
  static tools::Outcome<LineReader> create(const config::Properties& properties);

  // `record` is overwritten; `number` counts lines from 1.
  tools::Outcome<> parse(std::string_view line, std::int64_t number, LineRecord& record) const;

 private:
  // The part of `rest` before `separator`, which is cut off with it; nullopt without one.
  tools::Outcome<LineRecord::Field> cut(std::string_view& rest, std::string_view separator,
                                        std::string_view separator_name, std::string_view line,
                                        std::int64_t number) const;
  tools::Outcome<> parse_headers(std::string_view text, std::int64_t number,
                                 LineRecord& record) const;
  LineRecord::Field or_null(std::string_view field) const;

  bool has_key_ = false;
  bool has_headers_ = false;
  bool ignore_error_ = false;
  std::string key_separator_ = "\t";
  std::string headers_delimiter_ = "\t";
  std::string headers_separator_ = ",";
  std::string headers_key_separator_ = ":";
  std::optional<std::string> null_marker_;
};

// The lines of a descriptor, ended by \n, \r or \r\n; the last one may lack its end.
class LineSource {
 public:
  explicit LineSource(int descriptor);
  // Valid until the next call; nullopt at the end of the input or after a read error.
  std::optional<std::string_view> next();

 private:
  bool fill();  // more bytes behind those left; false at the end

  const int descriptor_;
  std::string buffer_;
  std::size_t begin_ = 0;  // of what was not given out
  std::size_t end_ = 0;
  bool skip_newline_ = false;  // the line before ended with \r: a \n belongs to it
};

}  // namespace console
