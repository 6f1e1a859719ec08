// Purpose: one client's connection to a model server.
#pragma once

#include <set>
#include <string>

#include "test/sim/zookeeper/model_server.h"

namespace zookeeper_model {

class ServerConnection {
 public:
  ServerConnection(Server& server, std::unique_ptr<runtime::Stream> stream);
  ~ServerConnection();

  // Until the client goes, or close().
  runtime::Task<void> serve(runtime::CancelToken token);
  void close() { connection_.close(); }
  // Fires the watches of this client.
  void on_change(const WatchEvent& event);

 private:
  runtime::Task<base::Result<void>> handshake(runtime::CancelToken token);
  runtime::Task<base::Result<void>> serve_requests(runtime::CancelToken token);
  runtime::Task<void> write_output(runtime::CancelToken token);

  base::Result<void> handle(base::Bytes frame);
  base::Result<void> handle_read(zkclient::OpCode op, std::int32_t xid, zkclient::JuteReader body);
  base::Result<void> handle_write(zkclient::OpCode op, std::int32_t xid, zkclient::JuteReader body);
  base::Result<void> handle_multi(std::int32_t xid, zkclient::JuteReader body);
  base::Result<void> handle_set_watches(zkclient::JuteReader body);
  base::Result<void> lose_reply_if_asked();
  void reply(std::int32_t xid, ZkError error, base::Bytes body = {});
  void send_event(WatchEvent::Type type, const std::string& path);

  Server& server_;
  Ensemble& ensemble_;
  zkclient::Connection connection_;
  std::int64_t session_id_ = 0;
  std::set<std::string> data_watches_;  // of exists and get
  std::set<std::string> child_watches_;
  runtime::Notify output_added_;
};

}  // namespace zookeeper_model
