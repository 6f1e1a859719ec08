#include "storage/disk_failure.h"

#include <cerrno>

#include "runtime/file.h"

namespace storage {
namespace {

bool is_errno(const base::Error& error) {
  const auto& category = error.code().category();
  return category == std::generic_category() || category == std::system_category();
}

}  // namespace

DiskFailure classify(const base::Error& error, DiskAccess access, bool is_gone) {
  if (error.is(runtime::FileErrc::sync_failed)) return DiskFailure::device_failed;
  if (!is_errno(error)) return DiskFailure::bad_content;
  switch (error.code().value()) {
    case EMFILE:
    case ENFILE:
    case ENOMEM: return DiskFailure::out_of_descriptors;
    case ENOSPC:
    case EDQUOT:
      return access == DiskAccess::write ? DiskFailure::no_room : DiskFailure::device_failed;
    case ENAMETOOLONG: return DiskFailure::bad_content;  // the name's fault, not the device's
    case ENOENT:
    case ENOTDIR: return is_gone ? DiskFailure::moved : DiskFailure::device_failed;
    default: return DiskFailure::device_failed;
  }
}

}  // namespace storage
