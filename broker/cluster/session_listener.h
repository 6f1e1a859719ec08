// Purpose: what the parts of a broker that live with a ZooKeeper session are told about it.
#pragma once

#include "runtime/task.h"

namespace zkclient {
class Client;
struct WatchEvent;
}  // namespace zkclient

namespace cluster {

// Control loop. Listeners are called in the order in which they were added.
class SessionListener {
 public:
  virtual ~SessionListener() = default;
  // A session is there and the broker is registered in it (or could not be and retries). Read again
  // what is watched: every watch of the former session is gone. `client` lives until on_expired has
  // returned; tasks that hold it across awaits get session errors then.
  virtual runtime::Task<void> on_session(zkclient::Client& client, bool first) = 0;
  // The session is gone, and with it whatever it owned. Nothing of it may be used any more.
  virtual void on_expired() = 0;
  // A one-shot watch fired, of whichever listener armed it.
  virtual void on_watch(const zkclient::WatchEvent& event) = 0;
};

}  // namespace cluster
