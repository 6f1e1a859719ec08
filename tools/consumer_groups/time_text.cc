#include "tools/consumer_groups/time_text.h"

#include <fmt/core.h>

#include <algorithm>
#include <cctype>
#include <chrono>

namespace consumer_groups {

using tools::failure;
using tools::Outcome;

namespace {

constexpr std::int64_t kMsPerMinute = 60'000;

// Reads from the front of a text; the first thing that does not fit fails all that follows.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : rest_(text) {}

  bool ok() const { return is_ok_; }
  bool at_end() const { return is_ok_ && rest_.empty(); }
  char peek() const { return rest_.empty() ? '\0' : rest_.front(); }
  bool accept(char c) {
    if (!is_ok_ || peek() != c) return false;
    rest_.remove_prefix(1);
    return true;
  }
  void expect(char c) { is_ok_ = accept(c); }
  // At least one digit, at most `width`.
  std::int64_t digits(std::size_t width) {
    std::int64_t value = 0;
    std::size_t count = 0;
    while (count < width && std::isdigit(static_cast<unsigned char>(peek())) != 0) {
      value = value * 10 + (peek() - '0');
      rest_.remove_prefix(1);
      ++count;
    }
    if (count == 0) is_ok_ = false;
    return value;
  }

 private:
  std::string_view rest_;
  bool is_ok_ = true;
};

// Minutes east of Greenwich.
std::int64_t read_zone(Scanner& scanner) {
  if (scanner.at_end() || scanner.accept('Z')) return 0;
  const bool is_west = scanner.peek() == '-';
  if (!scanner.accept('+')) scanner.expect('-');
  std::int64_t minutes = scanner.digits(2) * 60;
  scanner.accept(':');
  if (!scanner.at_end()) minutes += scanner.digits(2);
  return is_west ? -minutes : minutes;
}

// Java's tool puts the zone it assumes behind the date, also where it complains.
std::unexpected<tools::Failure> unparseable_date(std::string_view text) {
  const bool has_zone = text.substr(text.find('T')).find_first_of("+-Z") != std::string_view::npos;
  return failure(fmt::format("java.text.ParseException: Unparseable date: \"{}{}\"", text,
                             has_zone ? "" : "Z"));
}

}  // namespace

Outcome<std::int64_t> parse_datetime(std::string_view text) {
  const std::size_t t = text.find('T');
  if (t == std::string_view::npos || t + 1 == text.size()) {
    return failure(
        "java.text.ParseException: Error parsing timestamp. It does not contain a 'T' according to "
        "ISO8601 format");
  }
  Scanner scanner(text);
  const auto year = static_cast<int>(scanner.digits(4));
  scanner.expect('-');
  const auto month = static_cast<unsigned>(scanner.digits(2));
  scanner.expect('-');
  const auto day = static_cast<unsigned>(scanner.digits(2));
  scanner.expect('T');
  const std::int64_t hour = scanner.digits(2);
  scanner.expect(':');
  const std::int64_t minute = scanner.digits(2);
  scanner.expect(':');
  const std::int64_t second = scanner.digits(2);
  scanner.expect('.');
  const std::int64_t millisecond = scanner.digits(3);
  const std::int64_t zone_minutes = read_zone(scanner);
  const std::chrono::year_month_day date{std::chrono::year(year), std::chrono::month(month),
                                         std::chrono::day(day)};
  if (!scanner.at_end() || !date.ok() || hour > 23 || minute > 59 || second > 59) {
    return unparseable_date(text);
  }
  const std::int64_t days = std::chrono::sys_days(date).time_since_epoch().count();
  const std::int64_t minutes = (days * 24 + hour) * 60 + minute - zone_minutes;
  return minutes * kMsPerMinute + second * 1'000 + millisecond;
}

Outcome<std::int64_t> parse_duration(std::string_view text) {
  struct Unit {
    char letter;
    std::int64_t ms;
  };
  constexpr Unit kUnits[] = {
      {'D', 24 * 60 * kMsPerMinute}, {'H', 60 * kMsPerMinute}, {'M', kMsPerMinute}, {'S', 1'000}};
  constexpr std::size_t kDigitsMax = 12;  // 30,000 years in seconds
  Scanner scanner(text);
  const bool is_negative = scanner.accept('-');
  if (!is_negative) scanner.accept('+');
  bool is_good = scanner.accept('P') || scanner.accept('p');
  std::int64_t total_ms = 0;
  std::size_t next_unit = 0;  // units come in order, each at most once
  bool is_behind_t = false;
  bool has_part = false;
  while (is_good && !scanner.at_end()) {
    if (!is_behind_t && (scanner.accept('T') || scanner.accept('t'))) {
      is_behind_t = true;
      has_part = false;  // one must follow
      next_unit = std::max<std::size_t>(next_unit, 1);
      continue;
    }
    const bool is_part_negative = scanner.accept('-');
    if (!is_part_negative) scanner.accept('+');
    const std::int64_t whole = scanner.digits(kDigitsMax);
    std::int64_t fraction_ms = 0;
    const bool has_fraction = scanner.accept('.');
    if (has_fraction) {
      std::int64_t scale = 100;
      while (std::isdigit(static_cast<unsigned char>(scanner.peek())) != 0) {
        fraction_ms += scanner.digits(1) * scale;
        scale /= 10;
      }
    }
    const char letter = static_cast<char>(std::toupper(static_cast<unsigned char>(scanner.peek())));
    while (next_unit < std::size(kUnits) && kUnits[next_unit].letter != letter) ++next_unit;
    is_good = scanner.ok() && next_unit < std::size(kUnits) && (next_unit > 0) == is_behind_t &&
              (!has_fraction || letter == 'S');
    if (!is_good) break;
    scanner.accept(scanner.peek());
    const std::int64_t part_ms = whole * kUnits[next_unit++].ms + fraction_ms;
    total_ms += is_part_negative ? -part_ms : part_ms;
    has_part = true;
  }
  if (!is_good || !has_part || !scanner.ok()) {
    return failure("Text cannot be parsed to a Duration");
  }
  return is_negative ? -total_ms : total_ms;
}

std::string format_datetime(std::int64_t wall_ms) {
  using namespace std::chrono;
  const sys_time<milliseconds> time{milliseconds(wall_ms)};
  const auto day = floor<days>(time);
  const year_month_day date(day);
  const hh_mm_ss<milliseconds> clock(time - day);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                     clock.hours().count(), clock.minutes().count(), clock.seconds().count(),
                     clock.subseconds().count());
}

}  // namespace consumer_groups
