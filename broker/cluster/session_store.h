// Purpose: `.barnabas-session` in the log directories: what a restarted broker needs to take over
// the ZooKeeper session of its killed predecessor, instead of waiting for its timeout.
//
// Text in the .properties format, readable by the owner only (it holds the session's password). The
// directory's device and inode stand in it, so that a copied or restored data directory never
// closes the session of a live broker. All functions do file I/O: call them on a worker.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace runtime {
class FileSystem;
}

namespace cluster {

inline constexpr std::string_view kSessionFileName = ".barnabas-session";

struct StoredSession {
  std::int64_t session_id = 0;
  std::string password;         // 16 bytes; secret
  std::string boot_id;          // of the machine when the session was made
  std::string endpoints;        // "PLAINTEXT://h:9092,..." as registered
  std::int32_t timeout_ms = 0;  // negotiated
  std::int64_t sequence = 0;    // grows with each session; the newest file wins
  friend bool operator==(const StoredSession&, const StoredSession&) = default;
};

// Text of the file in a directory with that device and inode.
std::string encode_stored_session(const StoredSession& session, std::uint64_t device,
                                  std::uint64_t inode);
// Errors: Errc::corrupt; Errc::invalid_argument if it was written for another directory.
base::Result<StoredSession> decode_stored_session(std::string_view text, std::uint64_t device,
                                                  std::uint64_t inode);

// The newest valid one; nullopt if there is none. Unreadable files are left alone.
std::optional<StoredSession> load_stored_session(runtime::FileSystem& files,
                                                 const std::vector<std::string>& directories);
// Durable in each directory; fails only if it could be written to none.
base::Result<void> save_stored_session(runtime::FileSystem& files,
                                       const std::vector<std::string>& directories,
                                       const StoredSession& session);
void remove_stored_session(runtime::FileSystem& files, const std::vector<std::string>& directories);

// /proc/sys/kernel/random/boot_id; empty where there is none (then no session is ever reclaimed).
std::string read_boot_id(runtime::FileSystem& files);

}  // namespace cluster
