// Purpose: jute, ZooKeeper's serialisation (org.apache.jute.BinaryOutputArchive): big-endian
// integers, a length before strings and buffers (-1: null), a count before vectors (-1: null).
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/big_endian.h"
#include "base/buffer.h"
#include "base/result.h"
#include "zkclient/types.h"

namespace zkclient {

class JuteWriter {
 public:
  explicit JuteWriter(std::size_t expected_bytes = 64)
      : buffer_(base::Buffer::with_capacity(expected_bytes)) {}

  void put_int(std::int32_t value) { put_be(value); }
  void put_long(std::int64_t value) { put_be(value); }
  void put_bool(bool value) { put_be(static_cast<std::uint8_t>(value ? 1 : 0)); }
  void put_string(std::string_view text);
  void put_data(const Data& data);  // null: length -1
  void put_acl(const AclList& acl);

  std::size_t size() const { return buffer_.size(); }
  base::Buffer take() && { return std::move(buffer_); }

 private:
  template <class T>
  void put_be(T value) {
    std::byte bytes[sizeof(T)];
    base::store_be(bytes, value);
    buffer_.append(bytes);
  }

  base::Buffer buffer_;
};

// Reads what a server sent, which is hostile: every get checks its bounds, and no count is trusted
// for an allocation. Errc::corrupt on any violation.
class JuteReader {
 public:
  explicit JuteReader(base::Bytes bytes) : rest_(bytes) {}

  base::Result<std::int32_t> get_int() { return get_be<std::int32_t>(); }
  base::Result<std::int64_t> get_long() { return get_be<std::int64_t>(); }
  base::Result<bool> get_bool();
  base::Result<std::string> get_string();  // null reads as empty
  base::Result<Data> get_data();
  base::Result<Stat> get_stat();
  base::Result<AclList> get_acl();
  base::Result<std::vector<std::string>> get_strings();

  base::Bytes rest() const { return rest_; }
  bool at_end() const { return rest_.empty(); }

 private:
  template <class T>
  base::Result<T> get_be() {
    if (rest_.size() < sizeof(T)) return base::fail(base::Errc::corrupt, "reply too short");
    const T value = base::load_be<T>(rest_.data());
    rest_ = rest_.subspan(sizeof(T));
    return value;
  }
  // The number of elements of a vector whose elements take at least `element_bytes` each; 0: null.
  base::Result<std::size_t> get_count(std::size_t element_bytes);

  base::Bytes rest_;
};

}  // namespace zkclient
