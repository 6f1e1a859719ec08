#include "runtime/posix/posix_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "runtime/posix/io_vector.h"

namespace runtime {
namespace {

// Calls until the answer is not EINTR.
template <class Call>
auto retry_interrupted(Call call) {
  auto result = call();
  while (result < 0 && errno == EINTR) result = call();
  return result;
}

}  // namespace

base::Result<std::size_t> PosixFile::pread(base::MutableBytes into, std::int64_t position) {
  std::size_t done = 0;
  while (done < into.size()) {
    const ssize_t n = retry_interrupted([&] {
      return ::pread(descriptor_.get(), into.data() + done, into.size() - done,
                     position + static_cast<std::int64_t>(done));
    });
    if (n < 0) return base::fail_errno("read " + path_);
    if (n == 0) break;
    done += static_cast<std::size_t>(n);
  }
  return done;
}

base::Result<std::size_t> PosixFile::pread_nowait(base::MutableBytes into, std::int64_t position) {
  if (nowait_unsupported_.load(std::memory_order_relaxed)) return pread(into, position);
  std::size_t done = 0;
  while (done < into.size()) {
    const iovec part{into.data() + done, into.size() - done};
    const ssize_t n = retry_interrupted([&] {
      return ::preadv2(descriptor_.get(), &part, 1, position + static_cast<std::int64_t>(done),
                       RWF_NOWAIT);
    });
    if (n < 0 && (errno == EOPNOTSUPP || errno == ENOSYS)) {
      nowait_unsupported_.store(true, std::memory_order_relaxed);
      return pread(into, position);
    }
    if (n < 0 && errno == EAGAIN) return base::fail(base::Errc::would_block, "read " + path_);
    if (n < 0) return base::fail_errno("read " + path_);
    if (n == 0) break;
    done += static_cast<std::size_t>(n);
  }
  return done;
}

base::Result<void> PosixFile::pwritev(std::span<const base::Bytes> parts, std::int64_t position) {
  constexpr std::size_t kPartsMax = 64;
  std::array<iovec, kPartsMax> vector;
  std::size_t next_part = 0;
  std::size_t skip_bytes = 0;  // of parts[next_part], already written
  while (next_part < parts.size()) {
    std::size_t count = 0;
    for (std::size_t i = next_part; i < parts.size() && count < kPartsMax; ++i) {
      const base::Bytes part = i == next_part ? parts[i].subspan(skip_bytes) : parts[i];
      if (part.empty()) continue;
      vector[count++] = io_vector(part);
    }
    if (count == 0) break;
    const ssize_t n = retry_interrupted([&] {
      return ::pwritev(descriptor_.get(), vector.data(), static_cast<int>(count), position);
    });
    if (n < 0) return base::fail_errno("write " + path_);
    position += n;
    auto written = static_cast<std::size_t>(n);
    while (next_part < parts.size() && written >= parts[next_part].size() - skip_bytes) {
      written -= parts[next_part].size() - skip_bytes;
      skip_bytes = 0;
      ++next_part;
    }
    skip_bytes += written;
  }
  return {};
}

base::Result<std::int64_t> PosixFile::size() {
  struct stat status;
  if (::fstat(descriptor_.get(), &status) != 0) return base::fail_errno("stat " + path_);
  return static_cast<std::int64_t>(status.st_size);
}

base::Result<void> PosixFile::truncate(std::int64_t size_bytes) {
  if (retry_interrupted([&] { return ::ftruncate(descriptor_.get(), size_bytes); }) != 0) {
    return base::fail_errno("truncate " + path_);
  }
  return {};
}

base::Result<void> PosixFile::sync() {
  if (retry_interrupted([&] { return ::fdatasync(descriptor_.get()); }) != 0) {
    return base::fail(sync_failure(errno, "sync " + path_));
  }
  return {};
}

}  // namespace runtime
