#include "broker/cluster/session_store.h"

#include <fmt/format.h>

#include <charconv>

#include "base/log.h"
#include "config/properties.h"
#include "runtime/file.h"

namespace cluster {
namespace {

constexpr std::string_view kVersion = "1";
constexpr std::size_t kPasswordBytes = 16;
constexpr std::int64_t kFileLimitBytes = 64 * 1024;

std::string to_hex(std::string_view bytes) {
  std::string hex;
  for (const char c : bytes) fmt::format_to(std::back_inserter(hex), "{:02x}", std::uint8_t(c));
  return hex;
}

std::optional<std::string> from_hex(std::string_view hex) {
  if (hex.size() % 2 != 0) return std::nullopt;
  std::string bytes;
  for (std::size_t i = 0; i < hex.size(); i += 2) {
    std::uint8_t byte = 0;
    const char* end = hex.data() + i + 2;
    const auto [stop, error] = std::from_chars(hex.data() + i, end, byte, 16);
    if (error != std::errc() || stop != end) return std::nullopt;
    bytes.push_back(static_cast<char>(byte));
  }
  return bytes;
}

template <class Int>
base::Result<Int> number(const config::Properties& properties, std::string_view key) {
  const config::Property* property = properties.find(key);
  Int value = 0;
  if (property != nullptr) {
    const std::string& text = property->value;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error == std::errc() && end == text.data() + text.size()) return value;
  }
  return base::fail(base::Errc::corrupt, std::string(key));
}

std::string file_path(const std::string& directory) {
  return fmt::format("{}/{}", directory, kSessionFileName);
}

base::Result<StoredSession> load_from(runtime::FileSystem& files, const std::string& directory) {
  TRY_ASSIGN(const auto info, files.info(directory));
  TRY_ASSIGN(const auto text, files.read_file(file_path(directory), kFileLimitBytes));
  return decode_stored_session(text, info.device, info.inode);
}

// The permissions come before the secret, the rename after the sync.
base::Result<void> save_to(runtime::FileSystem& files, const std::string& directory,
                           const StoredSession& session) {
  TRY_ASSIGN(const auto info, files.info(directory));
  const std::string path = file_path(directory);
  const std::string temporary = path + ".tmp";
  {
    TRY_ASSIGN(const auto file, files.open(temporary, runtime::OpenMode::truncate));
    TRY(files.restrict_to_owner(temporary));
    const std::string text = encode_stored_session(session, info.device, info.inode);
    TRY(file->pwrite(base::as_bytes(text), 0));
    TRY(file->sync());
  }
  TRY(files.rename(temporary, path));
  return files.sync_directory(directory);
}

}  // namespace

std::string encode_stored_session(const StoredSession& session, std::uint64_t device,
                                  std::uint64_t inode) {
  return config::write_properties(
      {"The ZooKeeper session of the broker that uses this directory. Secret; safe to delete while",
       "the broker is stopped."},
      {{"version", std::string(kVersion)},
       {"session.id", std::to_string(session.session_id)},
       {"session.password", to_hex(session.password)},
       {"session.timeout.ms", std::to_string(session.timeout_ms)},
       {"boot.id", session.boot_id},
       {"endpoints", session.endpoints},
       {"sequence", std::to_string(session.sequence)},
       {"directory.device", std::to_string(device)},
       {"directory.inode", std::to_string(inode)}});
}

base::Result<StoredSession> decode_stored_session(std::string_view text, std::uint64_t device,
                                                  std::uint64_t inode) {
  TRY_ASSIGN(const auto properties, config::Properties::parse(text, std::string(kSessionFileName)));
  if (properties.value_or("version", "") != kVersion) {
    return base::fail(base::Errc::corrupt, "version");
  }
  TRY_ASSIGN(const auto stored_device, number<std::uint64_t>(properties, "directory.device"));
  TRY_ASSIGN(const auto stored_inode, number<std::uint64_t>(properties, "directory.inode"));
  if (stored_device != device || stored_inode != inode) {
    return base::fail(base::Errc::invalid_argument, "written for another directory");
  }
  StoredSession session;
  TRY_ASSIGN(session.session_id, number<std::int64_t>(properties, "session.id"));
  TRY_ASSIGN(session.timeout_ms, number<std::int32_t>(properties, "session.timeout.ms"));
  TRY_ASSIGN(session.sequence, number<std::int64_t>(properties, "sequence"));
  const auto password = from_hex(properties.value_or("session.password", ""));
  if (!password || password->size() != kPasswordBytes || session.session_id == 0) {
    return base::fail(base::Errc::corrupt, "session.password");
  }
  session.password = *password;
  session.boot_id = properties.value_or("boot.id", "");
  session.endpoints = properties.value_or("endpoints", "");
  return session;
}

std::optional<StoredSession> load_stored_session(runtime::FileSystem& files,
                                                 const std::vector<std::string>& directories) {
  std::optional<StoredSession> newest;
  for (const std::string& directory : directories) {
    auto session = load_from(files, directory);
    if (!session) {
      if (!session.error().is(std::errc::no_such_file_or_directory)) {
        LOG_INFO("stored session ignored file={} reason=\"{}\"", file_path(directory),
                 session.error().to_string());
      }
      continue;
    }
    if (!newest || session->sequence > newest->sequence) newest = std::move(*session);
  }
  return newest;
}

base::Result<void> save_stored_session(runtime::FileSystem& files,
                                       const std::vector<std::string>& directories,
                                       const StoredSession& session) {
  base::Result<void> outcome = base::fail(base::Errc::not_found, "no log directory");
  bool saved = false;
  for (const std::string& directory : directories) {
    auto result = save_to(files, directory, session);
    if (result) saved = true;
    outcome = std::move(result);
  }
  if (saved) return {};
  return outcome;
}

void remove_stored_session(runtime::FileSystem& files,
                           const std::vector<std::string>& directories) {
  for (const std::string& directory : directories) {
    const auto removed = files.remove_file(file_path(directory));
    if (!removed && !removed.error().is(std::errc::no_such_file_or_directory)) {
      LOG_WARN("cannot remove stored session reason=\"{}\"", removed.error().to_string());
    }
  }
}

std::string read_boot_id(runtime::FileSystem& files) {
  // Not read_file(): files in /proc say that they are empty.
  auto file = files.open("/proc/sys/kernel/random/boot_id", runtime::OpenMode::read);
  if (!file) return {};
  std::string text(64, '\0');
  const auto size = (*file)->pread({reinterpret_cast<std::byte*>(text.data()), text.size()}, 0);
  if (!size) return {};
  text.resize(*size);
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.pop_back();
  return text;
}

}  // namespace cluster
