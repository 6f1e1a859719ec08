#include "broker/network/foreign_protocol.h"

#include <algorithm>

namespace network {
namespace {

using namespace std::string_view_literals;

struct Mark {
  std::string_view first_bytes;
  std::string_view sentence;
};

constexpr std::string_view kHttp =
    "this is an HTTP request, not Kafka's protocol: is it meant for another port?";
constexpr std::string_view kProxy =
    "this is a PROXY protocol header, which no listener understands: switch it off in the load "
    "balancer";

constexpr Mark kMarks[] = {
    {"GET "sv, kHttp},
    {"HEAD"sv, kHttp},
    {"POST"sv, kHttp},
    {"PUT "sv, kHttp},
    {"DELE"sv, kHttp},
    {"OPTI"sv, kHttp},
    {"PATC"sv, kHttp},
    {"CONN"sv, kHttp},
    {"PRI "sv, kHttp},  // HTTP/2
    {"PROX"sv, kProxy},
    {"\r\n\r\n"sv, kProxy},  // version 2
    {"\x16\x03"sv,
     "this is a TLS handshake and the listener is PLAINTEXT: set the client's security.protocol "
     "to PLAINTEXT"},
};

}  // namespace

std::optional<std::string_view> foreign_protocol(base::Bytes first_bytes) {
  constexpr std::size_t kNeeded = 4;  // a frame's length
  if (first_bytes.size() < kNeeded) return std::nullopt;
  const std::string_view text(reinterpret_cast<const char*>(first_bytes.data()), kNeeded);
  for (const Mark& mark : kMarks) {
    if (text.starts_with(mark.first_bytes)) return mark.sentence;
  }
  return std::nullopt;
}

}  // namespace network
