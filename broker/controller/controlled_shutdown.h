// Purpose: a broker asks to be relieved of its leaderships before it stops.
// Source: KafkaController.scala (3.9) doControlledShutdown, KIP-380.
#pragma once

#include "broker/controller/environment.h"
#include "broker/controller/machines.h"
#include "protocol/error_code.h"
#include "protocol/gen/controlled_shutdown.h"

namespace controller {

// What is wrong with the request, kNone if nothing. Pure; the caller is the active controller.
protocol::ErrorCode check_controlled_shutdown(const ControllerContext& context, std::int32_t broker,
                                              std::int64_t broker_epoch);

// Marks the broker as shutting down (until its registration goes), moves what it leads to other
// members of the ISRs and takes it out of the others. The answer names what it still leads.
runtime::Task<base::Result<protocol::ControlledShutdownResponse>> shut_down_broker(
    Environment& env, Machines& machines, std::int32_t broker, std::int64_t broker_epoch);

}  // namespace controller
