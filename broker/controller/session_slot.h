// Purpose: the ZooKeeper client of the current session, for code that outlives sessions.
//
// A client dies with its session. Whoever calls ZooKeeper asks for the client anew after every
// wait; once the session is gone the slot is empty and the answer is an error that ends the caller.
// One loop.
#pragma once

#include "base/result.h"
#include "zkclient/client.h"

namespace controller {

class SessionSlot {
 public:
  void attach(zkclient::Client& client) { client_ = &client; }
  void detach() { client_ = nullptr; }
  bool has_session() const { return client_ != nullptr; }
  base::Result<zkclient::Client*> client() const {
    if (client_ == nullptr) return base::fail(zkclient::ZkError::session_expired);
    return client_;
  }

 private:
  zkclient::Client* client_ = nullptr;
};

// Whether asking again makes sense while the session lives: the connection broke, or no server
// answered in time. (The outcome of a write is then unknown, or it did not happen.)
inline bool is_transient(const base::Error& error) {
  return error.is(base::Errc::timed_out) || zkclient::is_outcome_unknown(error);
}

// Gone, closed to us, or nonsense: the trouble of what the znode describes, not the controller's.
inline bool is_of_the_node(const base::Error& error) {
  return error.is(base::Errc::corrupt) || error.is(zkclient::ZkError::no_node) ||
         error.is(zkclient::ZkError::no_auth);
}

}  // namespace controller
