// Purpose: the latest offset of each key, in bounded memory: 24 bytes per key, the MD5 of the key
// and the offset, open addressing. Two keys with the same MD5 count as one, as in Kafka.
// Source: SkimpyOffsetMap.
//
// One thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>

#include "base/bytes.h"
#include "base/result.h"
#include "base/types.h"

struct evp_md_st;
struct evp_md_ctx_st;

namespace storage {

class OffsetMap {
 public:
  static constexpr std::size_t kSlotBytes = 24;

  // Room for `keys_max` keys, or for as many as `bytes_max` holds at `load_factor`.
  static base::Result<OffsetMap> create(std::int64_t keys_max, std::int64_t bytes_max,
                                        double load_factor);

  bool is_full() const { return size_ >= capacity_; }
  std::int64_t size() const { return size_; }
  // Not full. Offsets come in ascending order.
  base::Result<void> put(base::Bytes key, base::Offset offset);
  base::Result<std::optional<base::Offset>> get(base::Bytes key) const;

  // Every record up to and including this offset is in the map; -1: none.
  base::Offset latest_offset() const { return latest_offset_; }
  void raise_latest_offset(base::Offset offset) {
    if (offset > latest_offset_) latest_offset_ = offset;
  }

 private:
  struct Slot {
    std::array<std::byte, 16> hash;
    std::int64_t offset_plus_one;  // 0: free
  };
  static_assert(sizeof(Slot) == kSlotBytes);
  struct FreeDigest {
    void operator()(evp_md_st* digest) const;
    void operator()(evp_md_ctx_st* context) const;
  };

  OffsetMap() = default;
  // The key's slot, or the free one where it belongs.
  base::Result<Slot*> find(base::Bytes key, std::array<std::byte, 16>& hash) const;

  std::unique_ptr<evp_md_st, FreeDigest> digest_;
  std::unique_ptr<evp_md_ctx_st, FreeDigest> context_;
  std::unique_ptr<Slot[]> slots_;
  std::uint64_t slot_count_ = 0;
  std::int64_t capacity_ = 0;
  std::int64_t size_ = 0;
  base::Offset latest_offset_{-1};
};

}  // namespace storage
