#include "runtime/sim/sim_fault_plan.h"

#include <cerrno>

namespace runtime {
namespace {

bool passes(int errno_value, SimFileOperation operation) {
  switch (errno_value) {
    case 0:
    case EMFILE:
    case ENFILE: return true;
    case ENOSPC:
    case EDQUOT:
      return operation != SimFileOperation::sync && operation != SimFileOperation::sync_directory &&
             operation != SimFileOperation::sync_file_system;
    default: return false;
  }
}

const char* name_of(SimFileOperation operation) {
  switch (operation) {
    case SimFileOperation::open: return "open";
    case SimFileOperation::read: return "read";
    case SimFileOperation::read_nowait: return "read without waiting";
    case SimFileOperation::write: return "write";
    case SimFileOperation::truncate: return "truncate";
    case SimFileOperation::sync: return "sync";
    case SimFileOperation::remove: return "remove";
    case SimFileOperation::rename: return "rename";
    case SimFileOperation::create_directory: return "create directory";
    case SimFileOperation::sync_directory: return "sync directory";
    case SimFileOperation::sync_file_system: return "sync file system";
    case SimFileOperation::list: return "list";
    case SimFileOperation::lock: return "lock";
  }
  return "?";
}

}  // namespace

SimFileFault SimFaultPlan::draw(SimFileOperation operation, const std::string& path) {
  if (!path.starts_with(prefix_)) return {};
  if (happens(odds_.delays) && on_delay) on_delay(odds_.delay_ms);
  const SimFileFault fault = choose(operation);
  if (fault.errno_value == 0) return fault;
  ++fault_count_;
  if (device_failure_.empty() && !passes(fault.errno_value, operation)) {
    device_failure_ =
        std::string(name_of(operation)) + " " + path + ": " + std::to_string(fault.errno_value);
  }
  return fault;
}

SimFileFault SimFaultPlan::fail(int errno_value, bool in_part) {
  return {errno_value, in_part ? random_.next() % 64 : 0};
}

SimFileFault SimFaultPlan::choose(SimFileOperation operation) {
  constexpr int kNoRoom[] = {ENOSPC, EDQUOT};
  constexpr int kOfSync[] = {EIO, ENOSPC, EDQUOT};
  constexpr int kNoDescriptors[] = {EMFILE, ENFILE};
  switch (operation) {
    case SimFileOperation::write:
      if (happens(odds_.write_fails)) return fail(EIO, true);
      if (happens(odds_.no_room)) return fail(kNoRoom[random_.next() % 2], true);
      break;
    case SimFileOperation::create_directory:
      if (happens(odds_.no_room)) return fail(kNoRoom[random_.next() % 2], false);
      break;
    case SimFileOperation::sync:
    case SimFileOperation::sync_directory:
    case SimFileOperation::sync_file_system:
      if (happens(odds_.sync_fails)) return fail(kOfSync[random_.next() % 3], false);
      break;
    case SimFileOperation::open:
    case SimFileOperation::list:
      if (happens(odds_.no_descriptors)) return fail(kNoDescriptors[random_.next() % 2], false);
      break;
    case SimFileOperation::rename:
      if (happens(odds_.rename_fails)) return fail(EIO, false);
      break;
    case SimFileOperation::read:
      if (happens(odds_.read_fails)) return fail(EIO, false);
      break;
    default: break;
  }
  return {};
}

}  // namespace runtime
