// Goal: each answer of a disk has one name, by what was asked of it.
#include "storage/disk_failure.h"

#include <doctest/doctest.h>

#include <cerrno>

#include "runtime/file.h"

using storage::classify;
using storage::DiskAccess;
using storage::DiskFailure;

namespace {

base::Error of_errno(int value) { return base::Error::from_errno(value, "open /logs/t-0/x"); }

}  // namespace

TEST_CASE("a disk's failures have five names") {
  CHECK(classify(of_errno(EIO), DiskAccess::read) == DiskFailure::device_failed);
  CHECK(classify(of_errno(EROFS), DiskAccess::write) == DiskFailure::device_failed);
  for (const int full : {ENOSPC, EDQUOT}) {
    CHECK(classify(of_errno(full), DiskAccess::write) == DiskFailure::no_room);
    CHECK(classify(of_errno(full), DiskAccess::read) == DiskFailure::device_failed);
    CHECK(classify(runtime::sync_failure(full, "sync x"), DiskAccess::write) ==
          DiskFailure::device_failed);
  }
  for (const int out : {EMFILE, ENFILE}) {
    CHECK(classify(of_errno(out), DiskAccess::read) == DiskFailure::out_of_descriptors);
    CHECK(classify(of_errno(out), DiskAccess::write) == DiskFailure::out_of_descriptors);
  }
  CHECK(classify(of_errno(ENOENT), DiskAccess::read) == DiskFailure::device_failed);
  CHECK(classify(of_errno(ENOENT), DiskAccess::read, true) == DiskFailure::moved);
  CHECK(classify(base::Error(base::Errc::corrupt), DiskAccess::read) == DiskFailure::bad_content);
  CHECK(classify(base::Error(base::Errc::unsupported), DiskAccess::read) ==
        DiskFailure::bad_content);
}
