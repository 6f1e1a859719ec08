#include "runtime/sim/sim_disk.h"

#include <algorithm>
#include <cerrno>
#include <utility>

namespace runtime {

void SimInode::write_at(std::size_t position, std::string_view bytes) {
  dirty_from = std::min({dirty_from, position, content.size()});
  if (content.size() < position + bytes.size()) content.resize(position + bytes.size());
  std::copy(bytes.begin(), bytes.end(), content.begin() + static_cast<std::ptrdiff_t>(position));
}

void SimInode::resize(std::size_t size_bytes) {
  dirty_from = std::min({dirty_from, size_bytes, content.size()});
  content.resize(size_bytes);
}

void SimInode::sync_content() {
  durable_content.resize(content.size());
  std::copy(content.begin() + static_cast<std::ptrdiff_t>(dirty_from), content.end(),
            durable_content.begin() + static_cast<std::ptrdiff_t>(dirty_from));
  dirty_from = content.size();
}

void SimInode::sync_tree() {
  if (!is_directory) return sync_content();
  durable_entries = entries;
  for (auto& [name, inode] : entries) inode->sync_tree();
}

void SimInode::forget_unsynced(bool torn, Xoshiro& random) {
  if (is_directory) {
    entries = durable_entries;
    for (auto& [name, inode] : entries) inode->forget_unsynced(torn, random);
    return;
  }
  const bool only_appended = dirty_from >= durable_content.size();
  if (torn && only_appended && content.size() > durable_content.size()) {
    const std::size_t lost_at_most = content.size() - durable_content.size();
    durable_content.append(content, durable_content.size(), random.next() % (lost_at_most + 1));
  }
  content = durable_content;
  dirty_from = content.size();
}

namespace {

std::int64_t bytes_below(const SimInode& inode) {
  auto sum = static_cast<std::int64_t>(inode.content.size());
  for (const auto& [name, child] : inode.entries) sum += bytes_below(*child);
  return sum;
}

}  // namespace

SimDisk::SimDisk(const Clock& disk_clock, std::uint64_t seed) : clock(disk_clock), random(seed) {
  root->is_directory = true;
  root->id = 1;
}

void SimDisk::pause(SimFileOperation operation, const std::string& path) {
  std::shared_ptr<const SimFilePauseHook> at_work;
  {
    base::LockGuard guard(mutex);
    at_work = pause_hook;
  }
  if (at_work != nullptr) (*at_work)(operation, path);
}

std::vector<std::string> SimDisk::split(const std::string& path) {
  std::vector<std::string> parts;
  std::size_t begin = 0;
  while (begin <= path.size()) {
    const std::size_t end = std::min(path.find('/', begin), path.size());
    std::string part = path.substr(begin, end - begin);
    begin = end + 1;
    if (part.empty() || part == ".") continue;
    if (part == "..") {
      if (!parts.empty()) parts.pop_back();
    } else {
      parts.push_back(std::move(part));
    }
  }
  return parts;
}

int SimDisk::find(const std::string& path, SimPlace& place) {
  place = {nullptr, "", root};
  for (const std::string& part : split(path)) {
    if (place.inode == nullptr) return ENOENT;
    if (!place.inode->is_directory) return ENOTDIR;
    place.directory = place.inode;
    place.name = part;
    const auto entry = place.directory->entries.find(part);
    place.inode = entry == place.directory->entries.end() ? nullptr : entry->second;
  }
  return 0;
}

base::Result<SimPlace> SimDisk::existing(const std::string& path, const std::string& context) {
  SimPlace place;
  if (const int error = find(path, place)) return failure(error, context);
  if (place.inode == nullptr) return failure(ENOENT, context);
  return place;
}

base::Result<void> SimDisk::check_fault(SimFileOperation operation, const std::string& path,
                                        const std::string& context) {
  const SimFileFault fault = hook ? hook(operation, path) : SimFileFault{};
  if (fault.errno_value == 0) return {};
  const bool is_sync = operation == SimFileOperation::sync ||
                       operation == SimFileOperation::sync_directory ||
                       operation == SimFileOperation::sync_file_system;
  if (is_sync) return base::fail(sync_failure(fault.errno_value, context));
  return failure(fault.errno_value, context);
}

std::shared_ptr<SimInode> SimDisk::make_inode(bool is_directory) {
  auto inode = std::make_shared<SimInode>();
  inode->id = next_id++;
  inode->is_directory = is_directory;
  inode->modified_ms = clock.wall_ms();
  return inode;
}

void SimDisk::link(SimPlace& place, std::shared_ptr<SimInode> inode) {
  place.inode = std::move(inode);
  place.directory->entries[place.name] = place.inode;
  place.directory->modified_ms = clock.wall_ms();
}

void SimDisk::unlink(const SimPlace& place) {
  place.directory->entries.erase(place.name);
  place.directory->modified_ms = clock.wall_ms();
}

std::int64_t SimDisk::free_bytes() {
  return std::max<std::int64_t>(capacity_bytes - bytes_below(*root), 0);
}

}  // namespace runtime
