#include "storage/transaction_index.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/big_endian.h"

namespace storage {
namespace {

constexpr std::int64_t kFileBytesMax = std::int64_t{1} << 30;
constexpr std::size_t kLastOffsetAt = 18;
constexpr std::size_t kKeptEntriesMax = 4096;  // 128 KB of a segment
constexpr std::int64_t kReadEntries = 1024;    // of many, at a time

AbortedTransaction decode(const char* at) {
  AbortedTransaction entry;
  entry.producer_id = base::load_be<std::int64_t>(at + 2);
  entry.first_offset = base::Offset(base::load_be<std::int64_t>(at + 10));
  entry.last_offset = base::Offset(base::load_be<std::int64_t>(at + kLastOffsetAt));
  entry.last_stable_offset = base::Offset(base::load_be<std::int64_t>(at + 26));
  return entry;
}

// True: whatever ends later began at or above `up_to`.
bool add(const AbortedTransaction& entry, base::Offset from, base::Offset up_to,
         std::vector<AbortedTransaction>& into) {
  if (entry.last_offset >= from && entry.first_offset < up_to) into.push_back(entry);
  return entry.last_stable_offset >= up_to;
}

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

base::Result<TransactionIndex::Entries> TransactionIndex::read(base::Offset base_offset) {
  base::LockGuard guard(mutex_);
  return read_locked(base_offset, true);
}

base::Result<TransactionIndex::Entries> TransactionIndex::read_locked(base::Offset base_offset,
                                                                      bool may_block) {
  if (known_ != nullptr) return known_;
  if (!may_block && stored_bytes_ != 0) {
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
    const AbortedTransaction entry = decode(at);
    if (base::load_be<std::int16_t>(at) != 0 || entry.last_offset <= previous) {
      return base::fail(base::Errc::corrupt, path_ + " has a malformed entry");
    }
    previous = entry.last_offset;
    entries.push_back(entry);
  }
  stored_bytes_ = static_cast<std::int64_t>(bytes.size() - unwritten_.size());
  auto shared = std::make_shared<const std::vector<AbortedTransaction>>(std::move(entries));
  is_large_ = shared->size() > kKeptEntriesMax;
  if (!is_large_) known_ = shared;
  return Entries(shared);
}

base::Result<bool> TransactionIndex::add_aborted(base::Offset base_offset, base::Offset from,
                                                 base::Offset up_to, bool may_block,
                                                 std::vector<AbortedTransaction>& into) {
  const std::size_t before = into.size();
  for (;;) {
    std::optional<Stored> many;
    TRY_ASSIGN(const Entries entries, known_entries(base_offset, may_block, many));
    if (!many) {
      for (const AbortedTransaction& entry : *entries) {
        if (add(entry, from, up_to, into)) return true;
      }
      return false;
    }
    const auto is_last = search(*many, from, up_to, into);
    base::LockGuard guard(mutex_);
    if (many->changes == changes_) return is_last;
    into.resize(before);  // cut or renamed meanwhile
  }
}

base::Result<TransactionIndex::Entries> TransactionIndex::known_entries(
    base::Offset base_offset, bool may_block, std::optional<Stored>& many) {
  if (!may_block) {
    if (!mutex_.try_lock()) return base::fail(base::Errc::would_block, "an index is in use");
    auto entries = read_locked(base_offset, false);
    mutex_.unlock();
    return entries;
  }
  base::LockGuard guard(mutex_);
  if (known_ != nullptr || !is_large_ || stored_bytes_ <= 0) {
    TRY_ASSIGN(Entries entries, read_locked(base_offset, true));
    return entries;
  }
  many = Stored{path_, stored_bytes_ / std::int64_t{kEntryBytes}, unwritten_, changes_};
  return Entries();
}

// Entries ascend by their last offset.
base::Result<bool> TransactionIndex::search(const Stored& stored, base::Offset from,
                                            base::Offset up_to,
                                            std::vector<AbortedTransaction>& into) const {
  TRY_ASSIGN(const auto file, files_.open(stored.path, runtime::OpenMode::read));
  std::vector<std::byte> bytes;
  const auto read = [&](std::int64_t index, std::int64_t count) -> base::Result<void> {
    bytes.resize(static_cast<std::size_t>(count) * kEntryBytes);
    TRY_ASSIGN(const std::size_t size_bytes, file->pread(bytes, index * std::int64_t{kEntryBytes}));
    if (size_bytes == bytes.size()) return {};
    return base::fail(base::Errc::corrupt, stored.path + " is shorter than it was");
  };
  std::int64_t low = 0;
  for (std::int64_t high = stored.count; low < high;) {
    const std::int64_t middle = low + (high - low) / 2;
    TRY(read(middle, 1));
    const bool is_below = decode(base::as_text(base::Bytes(bytes)).data()).last_offset < from;
    (is_below ? low : high) = is_below ? middle + 1 : middle;
  }
  const auto add_all = [&](std::string_view entries) {
    for (; !entries.empty(); entries.remove_prefix(kEntryBytes)) {
      if (add(decode(entries.data()), from, up_to, into)) return true;
    }
    return false;
  };
  for (; low < stored.count; low += kReadEntries) {
    TRY(read(low, std::min(kReadEntries, stored.count - low)));
    if (add_all(base::as_text(base::Bytes(bytes)))) return true;
  }
  return add_all(stored.unwritten);
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
  ++changes_;
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
  ++changes_;
  path_ = std::move(path);
}

base::Result<void> TransactionIndex::rename_to(std::string path) {
  base::LockGuard guard(mutex_);
  const auto renamed = files_.rename(path_, path);
  if (!renamed && !renamed.error().is(std::errc::no_such_file_or_directory)) return renamed;
  ++changes_;
  path_ = std::move(path);
  return {};
}

}  // namespace storage
