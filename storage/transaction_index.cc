#include "storage/transaction_index.h"

#include <array>
#include <utility>

#include "base/big_endian.h"

namespace storage {
namespace {

constexpr std::int64_t kFileBytesMax = std::int64_t{1} << 30;
constexpr std::size_t kLastOffsetAt = 18;
constexpr std::size_t kKeptEntriesMax = 4096;  // 128 KB of a segment

}  // namespace

TransactionIndex::TransactionIndex(runtime::FileSystem& files, std::string path)
    : files_(files), path_(std::move(path)) {}

base::Result<std::string> TransactionIndex::content() {
  if (stored_bytes_ == 0) return unwritten_;
  auto bytes = files_.read_file(path_, kFileBytesMax);
  if (!bytes && bytes.error().is(std::errc::no_such_file_or_directory)) {
    stored_bytes_ = 0;
    bytes = std::string();
  }
  if (!bytes) return bytes;
  // What a failed write left behind it is no entry.
  if (stored_bytes_ >= 0 && static_cast<std::size_t>(stored_bytes_) < bytes->size()) {
    bytes->resize(static_cast<std::size_t>(stored_bytes_));
  }
  return *bytes + unwritten_;
}

base::Result<TransactionIndex::Entries> TransactionIndex::read(base::Offset base_offset,
                                                               bool may_block) {
  if (may_block) {
    base::LockGuard guard(mutex_);
    return read_locked(base_offset, true);
  }
  if (!mutex_.try_lock()) return base::fail(base::Errc::would_block, "an index is in use");
  auto entries = read_locked(base_offset, false);
  mutex_.unlock();
  return entries;
}

base::Result<TransactionIndex::Entries> TransactionIndex::read_locked(base::Offset base_offset,
                                                                      bool may_block) {
  if (known_ != nullptr) return known_;
  if (!may_block && !(stored_bytes_ == 0 || is_large_)) {
    return base::fail(base::Errc::would_block, path_ + " was not read yet");
  }
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
  auto shared = std::make_shared<const std::vector<AbortedTransaction>>(std::move(entries));
  is_large_ = shared->size() > kKeptEntriesMax;
  if (!is_large_) known_ = shared;
  return Entries(shared);
}

base::Result<void> TransactionIndex::append(const AbortedTransaction& transaction) {
  std::array<std::byte, kEntryBytes> raw;
  base::store_be<std::int16_t>(raw.data(), 0);
  base::store_be<std::int64_t>(raw.data() + 2, transaction.producer_id);
  base::store_be<std::int64_t>(raw.data() + 10, transaction.first_offset.value());
  base::store_be<std::int64_t>(raw.data() + kLastOffsetAt, transaction.last_offset.value());
  base::store_be<std::int64_t>(raw.data() + 26, transaction.last_stable_offset.value());
  base::LockGuard guard(mutex_);
  known_ = nullptr;
  if (stored_bytes_ <= 0) is_new_ = true;
  unwritten_ += base::as_text(base::Bytes(raw));
  return write_out_locked();
}

base::Result<void> TransactionIndex::write_out() {
  base::LockGuard guard(mutex_);
  return write_out_locked();
}

base::Result<void> TransactionIndex::write_out_locked() {
  if (unwritten_.empty()) return {};
  needs_sync_ = true;
  TRY_ASSIGN(const auto file, files_.open(path_, runtime::OpenMode::create));
  if (stored_bytes_ < 0) {
    TRY_ASSIGN(const std::int64_t size_bytes, file->size());
    stored_bytes_ = size_bytes - size_bytes % std::int64_t{kEntryBytes};
  }
  TRY(file->pwrite(base::as_bytes(unwritten_), stored_bytes_));
  stored_bytes_ += static_cast<std::int64_t>(unwritten_.size());
  unwritten_.clear();
  return {};
}

void TransactionIndex::assume_missing() {
  base::LockGuard guard(mutex_);
  stored_bytes_ = 0;
}

bool TransactionIndex::take_is_new() {
  base::LockGuard guard(mutex_);
  return std::exchange(is_new_, false);
}

base::Result<void> TransactionIndex::truncate_to(base::Offset target) {
  base::LockGuard guard(mutex_);
  known_ = nullptr;
  TRY_ASSIGN(const std::string bytes, content());
  if (bytes.empty()) return {};
  std::size_t kept = 0;
  while (kept + kEntryBytes <= bytes.size() &&
         base::load_be<std::int64_t>(bytes.data() + kept + kLastOffsetAt) < target.value()) {
    kept += kEntryBytes;
  }
  if (kept == bytes.size()) return {};
  const std::size_t stored = bytes.size() - unwritten_.size();
  if (kept >= stored) {
    unwritten_.resize(kept - stored);
    return {};
  }
  unwritten_.clear();
  needs_sync_ = true;
  TRY_ASSIGN(const auto file, files_.open(path_, runtime::OpenMode::read_write));
  TRY(file->truncate(static_cast<std::int64_t>(kept)));
  stored_bytes_ = static_cast<std::int64_t>(kept);
  return {};
}

base::Result<void> TransactionIndex::sync() {
  std::string path;
  {
    base::LockGuard guard(mutex_);
    TRY(write_out_locked());
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

base::Result<void> TransactionIndex::rename_to(std::string path) {
  base::LockGuard guard(mutex_);
  const auto renamed = files_.rename(path_, path);
  if (!renamed && !renamed.error().is(std::errc::no_such_file_or_directory)) return renamed;
  path_ = std::move(path);
  return {};
}

}  // namespace storage
