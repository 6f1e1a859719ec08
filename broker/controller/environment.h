// Purpose: what all parts of the active controller share. Owned by Controller; one loop.
#pragma once

#include "broker/controller/controller_context.h"
#include "broker/controller/request_batch.h"
#include "broker/controller/settings.h"
#include "broker/controller/store.h"
#include "runtime/random.h"

namespace controller {

struct Environment {
  Environment(Store& store_in, RequestSender& sender_in, runtime::Random& random_in,
              const Settings& settings_in)
      : store(store_in), sender(sender_in), random(random_in), settings(settings_in) {}
  Environment(const Environment&) = delete;
  Environment& operator=(const Environment&) = delete;

  Store& store;
  RequestSender& sender;
  runtime::Random& random;
  const Settings& settings;
  ControllerContext context;
  RequestBatch batch{context, settings};

  void flush() { batch.flush(sender); }
  void send_update_metadata(const BrokerIds& brokers,
                            const std::vector<TopicPartition>& partitions) {
    batch.add_update_metadata(brokers, partitions);
    flush();
  }
};

}  // namespace controller
