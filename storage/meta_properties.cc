#include "storage/meta_properties.h"

#include <fmt/format.h>

#include <chrono>

#include "storage/checkpoint_text.h"

namespace storage {
namespace {

constexpr char kFileName[] = "/meta.properties";
constexpr std::int64_t kFileBytesMax = 64 * 1024;

std::string_view trim_left(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(" \t\f");
  return begin == std::string_view::npos ? std::string_view() : text.substr(begin);
}

// One line of java.util.Properties, escapes of single characters resolved. Lines that go on with a
// backslash do not occur here.
std::pair<std::string, std::string> parse_line(std::string_view line) {
  std::string key;
  std::string value;
  std::size_t at = 0;
  const auto take = [&](std::string& into) {
    if (line[at] == '\\' && at + 1 < line.size()) ++at;
    into.push_back(line[at++]);
  };
  while (at < line.size() && std::string_view("=: \t\f").find(line[at]) == std::string_view::npos) {
    take(key);
  }
  std::string_view rest = trim_left(line.substr(at));
  if (rest.starts_with('=') || rest.starts_with(':')) rest = trim_left(rest.substr(1));
  at = line.size() - rest.size();
  while (at < line.size()) take(value);
  return {std::move(key), std::move(value)};
}

std::string escaped(std::string_view value) {
  std::string out;
  for (const char c : value) {
    if (std::string_view("\\=:#!").find(c) != std::string_view::npos) out.push_back('\\');
    out.push_back(c);
  }
  return out;
}

// As java.util.Date prints it, in UTC.
std::string java_date(std::int64_t now_ms) {
  static constexpr std::string_view kDays[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  static constexpr std::string_view kMonths[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                 "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const std::chrono::sys_time<std::chrono::milliseconds> now{std::chrono::milliseconds(now_ms)};
  const auto day = std::chrono::floor<std::chrono::days>(now);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss time(std::chrono::floor<std::chrono::seconds>(now - day));
  return fmt::format("{} {} {:02} {:02}:{:02}:{:02} UTC {}",
                     kDays[std::chrono::weekday(day).c_encoding()],
                     kMonths[static_cast<unsigned>(date.month()) - 1],
                     static_cast<unsigned>(date.day()), time.hours().count(),
                     time.minutes().count(), time.seconds().count(), static_cast<int>(date.year()));
}

}  // namespace

base::Result<MetaProperties> parse_meta_properties(std::string_view text) {
  MetaProperties properties;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    std::string_view line = trim_left(text.substr(0, end));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.empty() || line.starts_with('#') || line.starts_with('!')) continue;
    // What a power failure leaves of a file: nothing that is worth keeping.
    if (line.find('\0') != std::string_view::npos) continue;
    auto [key, value] = parse_line(line);
    if (key == "version") {
      if (value != "0") {
        return base::fail(base::Errc::unsupported,
                          "version=" + value + " in meta.properties: not a ZooKeeper mode broker");
      }
    } else if (key == "broker.id") {
      const auto id = parse_number<std::int32_t>(value);
      if (id && *id >= 0) properties.broker_id = base::BrokerId(*id);
    } else if (key == "cluster.id") {
      if (!value.empty()) properties.cluster_id = std::move(value);
    } else if (key == "directory.id") {
      properties.directory_id = std::move(value);
    } else {
      properties.others[std::move(key)] = std::move(value);
    }
  }
  return properties;
}

std::string format_meta_properties(const MetaProperties& properties, std::string_view now_text) {
  std::string text = fmt::format("#\n#{}\n", now_text);
  const auto add = [&](std::string_view key, std::string_view value) {
    text += fmt::format("{}={}\n", key, escaped(value));
  };
  if (properties.cluster_id) add("cluster.id", *properties.cluster_id);
  if (properties.directory_id) add("directory.id", *properties.directory_id);
  add("version", "0");
  if (properties.broker_id) add("broker.id", std::to_string(properties.broker_id->value()));
  for (const auto& [key, value] : properties.others) add(key, value);
  return text;
}

base::Result<std::optional<MetaProperties>> read_meta_properties(runtime::FileSystem& files,
                                                                 const std::string& log_dir) {
  const std::string path = log_dir + kFileName;
  const auto text = files.read_file(path, kFileBytesMax);
  if (!text) {
    if (text.error().is(std::errc::no_such_file_or_directory)) {
      return std::optional<MetaProperties>();
    }
    return base::fail(text.error());
  }
  auto properties = parse_meta_properties(*text);
  if (!properties) return base::fail(std::move(properties.error()).with_context(path));
  return std::optional<MetaProperties>(std::move(*properties));
}

base::Result<void> write_meta_properties(runtime::FileSystem& files, const std::string& log_dir,
                                         const MetaProperties& properties, std::int64_t now_ms) {
  return files.write_file_atomically(
      log_dir + kFileName, base::as_bytes(format_meta_properties(properties, java_date(now_ms))));
}

}  // namespace storage
