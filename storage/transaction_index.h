// Purpose: `.txnindex`: the aborted transactions whose abort marker lies in one segment, ascending
// by last offset. 34-byte entries: int16 version 0, int64 producer id, first offset, last offset
// (the marker's), last stable offset at that time. The file exists only if it has entries.
// Source: TransactionIndex, AbortedTxn.
//
// Few entries: once read they are kept, and most segments have no file at all, which is known too.
// Of very many only those that are asked for are read, without the lock that appends take. Writes
// need the log's append lock; reads any thread. Entries that a full disk refused stay in memory and
// are written with the next ones.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "base/result.h"
#include "base/types.h"
#include "runtime/file.h"

namespace storage {

struct AbortedTransaction {
  std::int64_t producer_id = -1;
  base::Offset first_offset;
  base::Offset last_offset;
  base::Offset last_stable_offset;
};

class TransactionIndex {
 public:
  static constexpr std::size_t kEntryBytes = 34;

  TransactionIndex(runtime::FileSystem& files, std::string path);

  // Errc::corrupt for another version, a cut entry, or last offsets that do not increase or lie
  // below `base_offset`.
  using Entries = std::shared_ptr<const std::vector<AbortedTransaction>>;
  base::Result<Entries> read(base::Offset base_offset) EXCLUDES(mutex_);
  // Adds those that readers of [from, up_to) must skip. True: those of later segments need not be
  // looked at. Without `may_block` Errc::would_block where a file would have to be read.
  base::Result<bool> add_aborted(base::Offset base_offset, base::Offset from, base::Offset up_to,
                                 bool may_block, std::vector<AbortedTransaction>& into)
      EXCLUDES(mutex_);
  // There is no file: spares the look for it.
  void assume_missing() EXCLUDES(mutex_);
  // Whether an entry came into a file that had none since the last call: its name is not on the
  // device then.
  bool take_is_new() EXCLUDES(mutex_);
  // An error means that writing failed: the entry is there nevertheless.
  base::Result<void> append(const AbortedTransaction& transaction) EXCLUDES(mutex_);
  // Drops entries with last offset >= target.
  base::Result<void> truncate_to(base::Offset target) EXCLUDES(mutex_);
  // What a full disk refused is tried again.
  base::Result<void> write_out() EXCLUDES(mutex_);
  // write_out, then on the device.
  base::Result<void> sync() EXCLUDES(mutex_);
  void set_path(std::string path) EXCLUDES(mutex_);
  // The file gets another name, if there is one; no reader sees the moment in between.
  base::Result<void> rename_to(std::string path) EXCLUDES(mutex_);

 private:
  base::Result<Entries> read_locked(base::Offset base_offset, bool may_block) REQUIRES(mutex_);
  // Of many: what is stored, and what is in memory only.
  struct Stored {
    std::string path;
    std::int64_t count = 0;
    std::string unwritten;
    std::uint64_t changes = 0;
  };
  // `many` is set instead where there are too many to be kept.
  base::Result<Entries> known_entries(base::Offset base_offset, bool may_block,
                                      std::optional<Stored>& many) EXCLUDES(mutex_);
  base::Result<bool> search(const Stored& stored, base::Offset from, base::Offset up_to,
                            std::vector<AbortedTransaction>& into) const;
  // The file's whole entries, then those in memory.
  base::Result<std::string> content() REQUIRES(mutex_);
  base::Result<void> write_out_locked() REQUIRES(mutex_);

  runtime::FileSystem& files_;
  base::Mutex mutex_;
  std::string path_ GUARDED_BY(mutex_);
  std::string unwritten_ GUARDED_BY(mutex_);           // encoded entries
  std::int64_t stored_bytes_ GUARDED_BY(mutex_) = -1;  // of whole entries; -1: not known yet
  bool needs_sync_ GUARDED_BY(mutex_) = false;
  bool is_new_ GUARDED_BY(mutex_) = false;
  bool is_large_ GUARDED_BY(mutex_) = false;      // not kept
  std::uint64_t changes_ GUARDED_BY(mutex_) = 0;  // of the path, or for the shorter
  Entries known_ GUARDED_BY(mutex_);  // null: not read yet, or changed since, or too many
};

}  // namespace storage
