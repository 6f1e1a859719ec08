#include "zkclient/jute.h"

namespace zkclient {

using base::Errc;
using base::fail;
using base::Result;

void JuteWriter::put_string(std::string_view text) {
  put_int(static_cast<std::int32_t>(text.size()));
  buffer_.append(base::as_bytes(text));
}

void JuteWriter::put_data(const Data& data) {
  if (data) {
    put_string(*data);
  } else {
    put_int(-1);
  }
}

void JuteWriter::put_acl(const AclList& acl) {
  put_int(static_cast<std::int32_t>(acl.size()));
  for (const Acl& entry : acl) {
    put_int(entry.perms);
    put_string(entry.scheme);
    put_string(entry.id);
  }
}

Result<bool> JuteReader::get_bool() {
  TRY_ASSIGN(const auto value, get_be<std::uint8_t>());
  return value != 0;
}

Result<Data> JuteReader::get_data() {
  TRY_ASSIGN(const std::int32_t length, get_int());
  if (length == -1) return Data();
  if (length < 0 || static_cast<std::size_t>(length) > rest_.size()) {
    return fail(Errc::corrupt, "length " + std::to_string(length) + " in a reply");
  }
  const auto size = static_cast<std::size_t>(length);
  Data data(std::string(base::as_text(rest_.first(size))));
  rest_ = rest_.subspan(size);
  return data;
}

Result<std::string> JuteReader::get_string() {
  TRY_ASSIGN(Data data, get_data());
  if (!data) return std::string();
  return *std::move(data);
}

Result<std::size_t> JuteReader::get_count(std::size_t element_bytes) {
  TRY_ASSIGN(const std::int32_t count, get_int());
  if (count == -1) return std::size_t{0};
  if (count < 0 || static_cast<std::size_t>(count) > rest_.size() / element_bytes) {
    return fail(Errc::corrupt, "count " + std::to_string(count) + " in a reply");
  }
  return static_cast<std::size_t>(count);
}

Result<Stat> JuteReader::get_stat() {
  constexpr std::size_t kStatBytes = 68;
  if (rest_.size() < kStatBytes) return fail(Errc::corrupt, "stat too short");
  const std::byte* at = rest_.data();
  const auto next_long = [&at] { return base::load_be<std::int64_t>(std::exchange(at, at + 8)); };
  const auto next_int = [&at] { return base::load_be<std::int32_t>(std::exchange(at, at + 4)); };
  Stat stat;
  stat.czxid = next_long();
  stat.mzxid = next_long();
  stat.ctime_ms = next_long();
  stat.mtime_ms = next_long();
  stat.version = ZkVersion(next_int());
  stat.cversion = next_int();
  stat.aversion = next_int();
  stat.ephemeral_owner = next_long();
  stat.data_length = next_int();
  stat.num_children = next_int();
  stat.pzxid = next_long();
  rest_ = rest_.subspan(kStatBytes);
  return stat;
}

Result<AclList> JuteReader::get_acl() {
  TRY_ASSIGN(const std::size_t count, get_count(12));
  AclList acl;
  for (std::size_t i = 0; i < count; ++i) {
    Acl entry;
    TRY_ASSIGN(entry.perms, get_int());
    TRY_ASSIGN(entry.scheme, get_string());
    TRY_ASSIGN(entry.id, get_string());
    acl.push_back(std::move(entry));
  }
  return acl;
}

Result<std::vector<std::string>> JuteReader::get_strings() {
  TRY_ASSIGN(const std::size_t count, get_count(4));
  std::vector<std::string> strings;
  for (std::size_t i = 0; i < count; ++i) {
    TRY_ASSIGN(std::string text, get_string());
    strings.push_back(std::move(text));
  }
  return strings;
}

}  // namespace zkclient
