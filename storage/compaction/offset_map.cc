#include "storage/compaction/offset_map.h"

#include <openssl/evp.h>

#include <algorithm>
#include <cstring>

#include "base/check.h"

namespace storage {

void OffsetMap::FreeDigest::operator()(evp_md_st* digest) const { EVP_MD_free(digest); }
void OffsetMap::FreeDigest::operator()(evp_md_ctx_st* context) const { EVP_MD_CTX_free(context); }

base::Result<OffsetMap> OffsetMap::create(std::int64_t keys_max, std::int64_t bytes_max,
                                          double load_factor) {
  OffsetMap map;
  map.digest_.reset(EVP_MD_fetch(nullptr, "MD5", nullptr));
  map.context_.reset(EVP_MD_CTX_new());
  if (map.digest_ == nullptr || map.context_ == nullptr) {
    return base::fail(base::Errc::unsupported, "OpenSSL offers no MD5, which compaction needs");
  }
  load_factor = std::clamp(load_factor, 0.01, 0.99);
  const std::int64_t slots_max =
      std::max<std::int64_t>(2, bytes_max / static_cast<std::int64_t>(kSlotBytes));
  const double wanted = static_cast<double>(std::max<std::int64_t>(keys_max, 1)) / load_factor + 2;
  const std::int64_t slots =
      wanted < static_cast<double>(slots_max) ? static_cast<std::int64_t>(wanted) : slots_max;
  map.slot_count_ = static_cast<std::uint64_t>(slots);
  map.capacity_ = std::max<std::int64_t>(
      1, std::min(slots - 1, static_cast<std::int64_t>(static_cast<double>(slots) * load_factor)));
  map.slots_ = std::make_unique<Slot[]>(map.slot_count_);
  return map;
}

base::Result<OffsetMap::Slot*> OffsetMap::find(base::Bytes key,
                                               std::array<std::byte, 16>& hash) const {
  const bool hashed =
      EVP_DigestInit_ex2(context_.get(), digest_.get(), nullptr) == 1 &&
      EVP_DigestUpdate(context_.get(), key.data(), key.size()) == 1 &&
      EVP_DigestFinal_ex(context_.get(), reinterpret_cast<unsigned char*>(hash.data()), nullptr) ==
          1;
  if (!hashed) return base::fail(base::Errc::internal, "MD5 failed");
  std::uint64_t start = 0;
  std::memcpy(&start, hash.data(), sizeof(start));
  for (std::uint64_t at = start % slot_count_;; at = at + 1 == slot_count_ ? 0 : at + 1) {
    Slot& slot = slots_[at];
    if (slot.offset_plus_one == 0 || slot.hash == hash) return &slot;
  }
}

base::Result<void> OffsetMap::put(base::Bytes key, base::Offset offset) {
  std::array<std::byte, 16> hash;
  TRY_ASSIGN(Slot* const slot, find(key, hash));
  if (slot->offset_plus_one == 0) {
    VERIFY(!is_full());
    slot->hash = hash;
    ++size_;
  }
  slot->offset_plus_one = offset.value() + 1;
  return {};
}

base::Result<std::optional<base::Offset>> OffsetMap::get(base::Bytes key) const {
  std::array<std::byte, 16> hash;
  TRY_ASSIGN(const Slot* const slot, find(key, hash));
  if (slot->offset_plus_one == 0) return std::optional<base::Offset>();
  return std::optional<base::Offset>(base::Offset(slot->offset_plus_one - 1));
}

}  // namespace storage
