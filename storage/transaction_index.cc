#include "storage/transaction_index.h"

#include <array>

#include "base/big_endian.h"

namespace storage {
namespace {

constexpr std::int64_t kFileBytesMax = std::int64_t{1} << 30;
constexpr std::size_t kLastOffsetAt = 18;

}  // namespace

TransactionIndex::TransactionIndex(runtime::FileSystem& files, std::string path)
    : files_(files), path_(std::move(path)) {}

base::Result<std::string> TransactionIndex::content() {
  auto bytes = files_.read_file(path_, kFileBytesMax);
  if (!bytes && bytes.error().is(std::errc::no_such_file_or_directory)) return std::string();
  return bytes;
}

base::Result<std::vector<AbortedTransaction>> TransactionIndex::read(base::Offset base_offset) {
  base::LockGuard guard(mutex_);
  TRY_ASSIGN(const std::string bytes, content());
  if (bytes.size() % kEntryBytes != 0) {
    return base::fail(base::Errc::corrupt, path_ + " ends within an entry");
  }
  std::vector<AbortedTransaction> entries;
  entries.reserve(bytes.size() / kEntryBytes);
  base::Offset previous = base_offset - 1;
  for (const char* at = bytes.data(); at < bytes.data() + bytes.size(); at += kEntryBytes) {
    AbortedTransaction entry;
    entry.producer_id = base::load_be<std::int64_t>(at + 2);
    entry.first_offset = base::Offset(base::load_be<std::int64_t>(at + 10));
    entry.last_offset = base::Offset(base::load_be<std::int64_t>(at + kLastOffsetAt));
    entry.last_stable_offset = base::Offset(base::load_be<std::int64_t>(at + 26));
    if (base::load_be<std::int16_t>(at) != 0 || entry.last_offset <= previous) {
      return base::fail(base::Errc::corrupt, path_ + " has a malformed entry");
    }
    previous = entry.last_offset;
    entries.push_back(entry);
  }
  return entries;
}

base::Result<void> TransactionIndex::append(const AbortedTransaction& transaction) {
  std::array<std::byte, kEntryBytes> raw;
  base::store_be<std::int16_t>(raw.data(), 0);
  base::store_be<std::int64_t>(raw.data() + 2, transaction.producer_id);
  base::store_be<std::int64_t>(raw.data() + 10, transaction.first_offset.value());
  base::store_be<std::int64_t>(raw.data() + kLastOffsetAt, transaction.last_offset.value());
  base::store_be<std::int64_t>(raw.data() + 26, transaction.last_stable_offset.value());
  base::LockGuard guard(mutex_);
  needs_sync_ = true;
  TRY_ASSIGN(const auto file, files_.open(path_, runtime::OpenMode::create));
  TRY_ASSIGN(const std::int64_t size_bytes, file->size());
  // A write that failed half way left a cut entry: overwrite it.
  const std::int64_t whole_bytes = size_bytes - size_bytes % std::int64_t{kEntryBytes};
  return file->pwrite(raw, whole_bytes);
}

base::Result<void> TransactionIndex::truncate_to(base::Offset target) {
  base::LockGuard guard(mutex_);
  TRY_ASSIGN(const std::string bytes, content());
  if (bytes.empty()) return {};
  std::size_t kept = 0;
  while (kept + kEntryBytes <= bytes.size() &&
         base::load_be<std::int64_t>(bytes.data() + kept + kLastOffsetAt) < target.value()) {
    kept += kEntryBytes;
  }
  if (kept == bytes.size()) return {};
  needs_sync_ = true;
  TRY_ASSIGN(const auto file, files_.open(path_, runtime::OpenMode::read_write));
  return file->truncate(static_cast<std::int64_t>(kept));
}

base::Result<void> TransactionIndex::sync() {
  std::string path;
  {
    base::LockGuard guard(mutex_);
    if (!needs_sync_) return {};
    needs_sync_ = false;
    path = path_;
  }
  const auto file = files_.open(path, runtime::OpenMode::read_write);
  if (!file && file.error().is(std::errc::no_such_file_or_directory)) return {};
  auto synced = file ? (*file)->sync() : base::Result<void>(base::fail(file.error()));
  if (!synced) {
    base::LockGuard guard(mutex_);
    needs_sync_ = true;
  }
  return synced;
}

void TransactionIndex::set_path(std::string path) {
  base::LockGuard guard(mutex_);
  path_ = std::move(path);
}

}  // namespace storage
