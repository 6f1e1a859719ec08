// Goal: listener lists parse as Kafka's do, and wrong ones say what is wrong.
#include "config/listeners.h"

#include <doctest/doctest.h>

using namespace config;

namespace {

const SecurityProtocolMap kProtocols = {{"PLAINTEXT", SecurityProtocol::plaintext},
                                        {"EXTERNAL", SecurityProtocol::sasl_ssl},
                                        {"SSL", SecurityProtocol::ssl}};

std::string first_error(std::string_view text) {
  const auto listeners = parse_listeners(text, kProtocols, true);
  return listeners ? "" : listeners.error().context();
}

}  // namespace

TEST_CASE("listener lists") {
  const auto listeners =
      parse_listeners("PLAINTEXT://:9092 , external://[fe80::1%eth0]:9093,", kProtocols, true);
  REQUIRE(listeners.has_value());
  REQUIRE(listeners->size() == 2);
  CHECK((*listeners)[0] == Listener{"PLAINTEXT", SecurityProtocol::plaintext, "", 9092});
  CHECK((*listeners)[1] == Listener{"EXTERNAL", SecurityProtocol::sasl_ssl, "fe80::1%eth0", 9093});
  CHECK((*listeners)[1].to_string() == "EXTERNAL://[fe80::1%eth0]:9093");
  CHECK((*listeners)[0].to_string() == "PLAINTEXT://:9092");
}

TEST_CASE("wrong listener lists") {
  for (const auto* text : {"PLAINTEXT:9092", "PLAINTEXT://:", "PLAINTEXT://h", "h:9092",
                           "PLAINTEXT://a/b:1", "PLAINTEXT://:x", "PLAINTEXT://:99999999999"}) {
    CAPTURE(text);
    CHECK(first_error(text).contains("is not of the form NAME://host:port"));
  }
  CHECK(first_error("PLAINTEXT://:65536").contains("from 0 to 65535"));
  CHECK(first_error("OTHER://:1").contains("listener.security.protocol.map"));
  CHECK(first_error("PLAINTEXT://:1,plaintext://:2").contains("used twice"));
}

TEST_CASE("ports") {
  CHECK(first_error("PLAINTEXT://a:1,SSL://b:1").contains("port 1"));
  CHECK(first_error("PLAINTEXT://a:0,SSL://b:0").empty());
  CHECK(first_error("PLAINTEXT://127.0.0.1:1,SSL://[::1]:1").empty());
  CHECK(!first_error("PLAINTEXT://127.0.0.1:1,SSL://127.0.0.2:1").empty());
  CHECK(!first_error("PLAINTEXT://127.0.0.1:1,SSL://[::1]:1,EXTERNAL://:1").empty());
  CHECK(parse_listeners("PLAINTEXT://a:1,SSL://b:1", kProtocols, false).has_value());
}

TEST_CASE("security protocol map") {
  const auto map = parse_security_protocol_map("internal:PLAINTEXT, b:c:ssl");
  REQUIRE(map.has_value());
  CHECK(map->at("INTERNAL") == SecurityProtocol::plaintext);
  CHECK(map->at("B:C") == SecurityProtocol::ssl);
  CHECK(!parse_security_protocol_map("internal").has_value());
  CHECK(!parse_security_protocol_map("a:b").has_value());
}
