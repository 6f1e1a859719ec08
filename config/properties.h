// Purpose: Java .properties text as entries that remember where they came from.
//
// Used for server.properties, meta.properties and the tools' command configs. Pure: the caller
// reads and writes the file. Format: java.util.Properties.load (java.base).
//
// - `=`, `:` or blanks separate key and value; `#` and `!` begin a comment line; a backslash at the
//   end continues a line; `\t \n \r \f \uXXXX` and `\<any>` are escapes; a later key wins.
// - Blanks before a value are dropped, those behind it are kept (type parsers trim them).
// - Java reads the bytes as ISO-8859-1. Here what is UTF-8 is kept, so that such files read as
//   their authors meant them; any other byte is a character of ISO-8859-1, and \uXXXX becomes
//   UTF-8: keys and values are always UTF-8.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace config {

using ConfigMap = std::map<std::string, std::string, std::less<>>;

struct Property {
  std::string key;
  std::string value;
  std::string file;  // as the user named it, or what else the entry came from ("command line")
  int line = 0;      // 1-based, the line on which the entry starts; 0: not from a file

  // "server.properties:12", or just the source when there is no line.
  std::string where() const;
};

class Properties {
 public:
  // Errors: Errc::invalid_argument for a malformed \uXXXX, naming file and line; Errc::too_large
  // above 16 MB.
  static base::Result<Properties> parse(std::string_view text, std::string file);

  // An existing key is replaced where it stands.
  void set(Property property);
  void set(std::string key, std::string value, std::string source = "command line");
  // An argument "key=value" of --override. Errors: Errc::invalid_argument without `=` or key.
  base::Result<> set_override(std::string_view argument);
  void erase(std::string_view key);

  const Property* find(std::string_view key) const;
  std::string_view value_or(std::string_view key, std::string_view otherwise) const;
  bool contains(std::string_view key) const { return find(key) != nullptr; }
  // In order of first appearance.
  const std::vector<Property>& entries() const { return entries_; }
  ConfigMap to_map() const;

 private:
  std::vector<Property> entries_;
  std::map<std::string, std::size_t, std::less<>> index_;
};

// Text that parse() and Java read back to the same entries: `comments` as leading "#" lines, then
// one "key=value" line each, escaped as java.util.Properties.store does (non-ASCII as \uXXXX).
std::string write_properties(const std::vector<std::string>& comments,
                             const std::vector<std::pair<std::string, std::string>>& entries);

}  // namespace config
