// Purpose: the one-shot watches of a session: which are armed, what an event uses up, and how they
// are armed again after a reconnect (ZooKeeper.ZKWatchManager, ClientCnxn.primeConnection).
#pragma once

#include <string>
#include <unordered_set>
#include <vector>

#include "zkclient/messages.h"

namespace zkclient {

enum class WatchKind {
  data,      // get, or exists of a znode that is there
  exist,     // exists of a znode that is not there
  children,  // children
};

// Plain code. Paths are those of the server, with the chroot.
class Watches {
 public:
  void add(WatchKind kind, std::string path);
  // Uses up what the event fires. False: nothing was armed, drop the event. (The server tells a
  // deletion twice if the znode had a data and a child watch when both were armed again.)
  bool fire(const WatchEvent& event);
  std::size_t count() const { return data_.size() + exist_.size() + children_.size(); }

  // SetWatches frames that arm everything again; each stays below `max_frame_bytes` (unless one
  // path alone exceeds it), as the server's jute.maxbuffer bounds them. In sorted order, so that
  // equal sets give equal bytes.
  std::vector<base::Buffer> encode(std::int64_t relative_zxid, std::size_t max_frame_bytes) const;

 private:
  std::unordered_set<std::string>& set_of(WatchKind kind);

  std::unordered_set<std::string> data_;
  std::unordered_set<std::string> exist_;
  std::unordered_set<std::string> children_;
};

}  // namespace zkclient
