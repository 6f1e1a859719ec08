#include "zkclient/watches.h"

#include <algorithm>
#include <array>

namespace zkclient {

std::unordered_set<std::string>& Watches::set_of(WatchKind kind) {
  switch (kind) {
    case WatchKind::data: return data_;
    case WatchKind::exist: return exist_;
    case WatchKind::children: break;
  }
  return children_;
}

void Watches::add(WatchKind kind, std::string path) { set_of(kind).insert(std::move(path)); }

bool Watches::fire(const WatchEvent& event) {
  std::size_t fired = 0;
  switch (event.type) {
    case WatchEvent::Type::created:
    case WatchEvent::Type::data_changed:
      fired = data_.erase(event.path) + exist_.erase(event.path);
      break;
    case WatchEvent::Type::deleted:
      fired = data_.erase(event.path) + exist_.erase(event.path) + children_.erase(event.path);
      break;
    case WatchEvent::Type::children_changed: fired = children_.erase(event.path); break;
  }
  return fired > 0;
}

std::vector<base::Buffer> Watches::encode(std::int64_t relative_zxid,
                                          std::size_t max_frame_bytes) const {
  constexpr std::size_t kFixedBytes = kRequestHeaderBytes + 8 + 3 * 4;
  std::vector<base::Buffer> frames;
  std::array<std::vector<std::string>, 3> batch;
  std::size_t batch_bytes = kFixedBytes;
  const auto flush = [&] {
    if (batch_bytes == kFixedBytes) return;
    frames.push_back(encode_set_watches(relative_zxid, batch[0], batch[1], batch[2]));
    for (auto& paths : batch) paths.clear();
    batch_bytes = kFixedBytes;
  };
  std::size_t kind = 0;
  for (const auto* set : {&data_, &exist_, &children_}) {
    std::vector<std::string> paths(set->begin(), set->end());
    std::sort(paths.begin(), paths.end());
    for (std::string& path : paths) {
      const std::size_t path_bytes = 4 + path.size();
      if (batch_bytes + path_bytes > max_frame_bytes) flush();
      batch_bytes += path_bytes;
      batch[kind].push_back(std::move(path));
    }
    ++kind;
  }
  flush();
  return frames;
}

}  // namespace zkclient
