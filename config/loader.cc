// Reading the entries one by one; what they mean together is in server_config_rules.cc.
#include "config/loader.h"

#include <algorithm>
#include <array>
#include <vector>

namespace config {
namespace {

// Keys of Kafka's own ZooKeeper authorizer; they are no broker keys, but no mistakes either.
bool is_authorizer_key(std::string_view name) {
  return name == "super.users" || name == "allow.everyone.if.no.acl.found" ||
         name.starts_with("authorizer.") || name.starts_with("config.providers.");
}

// People copy files with a comment behind the value, which Java takes as part of it. Texts that may
// well hold a '#' are let through.
bool has_trailing_comment(const Property& property, const Key& key) {
  if (property.line == 0 || key.is_password() || key.name == "broker.rack") return false;
  const std::string_view value = property.value;
  if (value.starts_with('#')) return true;
  for (std::size_t i = 1; i < value.size(); ++i) {
    if (value[i] == '#' && (value[i - 1] == ' ' || value[i - 1] == '\t')) return true;
  }
  return false;
}

std::string join(const std::vector<std::string_view>& names) {
  std::string joined;
  for (const std::string_view name : names) {
    if (!joined.empty()) joined += ", ";
    joined += name;
  }
  return joined;
}

// Refused keys whose reason is worth its own words.
std::string_view refusal(std::string_view name) {
  if (name == "process.roles" || name == "controller.listener.names" ||
      name == "zookeeper.metadata.migration.enable") {
    return "clusters without ZooKeeper are out of scope: remove the line";
  }
  if (name == "authorizer.class.name") {
    return "authorization is not built yet, and starting without it would let everybody in: remove "
           "the line if that is what you want";
  }
  if (name == "zookeeper.set.acl") {
    return "znode ACLs are not built yet, and znodes would be open to everybody: set it to false "
           "if that is what you want";
  }
  if (name == "zookeeper.ssl.client.enable") {
    return "TLS to ZooKeeper is not built yet: set it to false to connect in the clear";
  }
  if (name == "remote.log.storage.system.enable") {
    return "tiered storage is not built, and segments stored remotely would be missing: set it to "
           "false";
  }
  if (name == "config.providers") {
    return "config providers are not built yet, and ${...} values would be taken literally: write "
           "the values into the file";
  }
  if (name == "principal.builder.class") {
    return "Java classes cannot run here; only "
           "org.apache.kafka.common.security.authenticator.DefaultKafkaPrincipalBuilder is known";
  }
  return "Java classes cannot run here, and starting without this one would drop what it enforces: "
         "remove the line";
}

class EntryReader {
 public:
  explicit EntryReader(Loader& loader) : loader_(loader) {}

  void read(const Property& property) {
    const Key* key = find_base_key(property.key);
    if (key == nullptr) {
      unknown(property);
      return;
    }
    if (has_trailing_comment(property, *key)) {
      loader_.fault(
          property.key,
          "a value ends where its line ends: a comment needs a line of its own, beginning "
          "with #");
      return;
    }
    auto value = parse_value(*key, property.value);
    if (!value) {
      loader_.fault(property.key, fmt::format("must be {}", allowed_text(*key)));
      return;
    }
    judge_support(property, *key, *value);
    if (property.key == key->name) {
      loader_.values.set(key->name, std::move(*value));
    } else {
      loader_.listener_values.emplace(property.key, std::move(*value));
    }
  }

  void finish() {
    if (!pending_.empty()) {
      loader_.report.warnings.push_back(
          fmt::format("accepted, but not built yet and without effect: {}", join(pending_)));
    }
    if (!no_effect_.empty()) {
      loader_.report.infos.push_back(
          fmt::format("accepted, but of no meaning here: {}", join(no_effect_)));
    }
  }

 private:
  void unknown(const Property& property) {
    if (is_authorizer_key(property.key)) return;
    if (property.key.starts_with("\xef\xbb\xbf")) {
      loader_.report.warnings.push_back(
          fmt::format("{}: the file begins with a UTF-8 byte order mark, which makes its first "
                      "line the unknown "
                      "key {}: save it without one",
                      property.where(), property.key));
      return;
    }
    const std::string_view prefix = listener_prefix(property.key);
    const std::string_view nearest =
        nearest_broker_key(std::string_view(property.key).substr(prefix.size()));
    loader_.report.warnings.push_back(
        nearest.empty()
            ? fmt::format("{}: unknown key {} is ignored", property.where(), property.key)
            : fmt::format("{}: unknown key {} is ignored; did you mean {}{}?", property.where(),
                          property.key, prefix, nearest));
  }

  // Kafka's own authorizers, told to allow everything on what has no ACL.
  bool allows_everybody(std::string_view class_name) const {
    const std::string_view name = trim(class_name);
    if (name != "kafka.security.authorizer.AclAuthorizer" &&
        name != "kafka.security.auth.SimpleAclAuthorizer") {
      return false;
    }
    const Property* allowed = loader_.properties.find("allow.everyone.if.no.acl.found");
    constexpr Key kFlag{.name = "allow.everyone.if.no.acl.found", .type = KeyType::boolean};
    const auto value = parse_value(kFlag, allowed == nullptr ? "false" : allowed->value);
    return value && std::get<bool>(*value);
  }

  void judge_support(const Property& property, const Key& key, const Value& value) {
    const bool is_default =
        value == default_value(key) || value_to_text(value).value_or("").empty();
    switch (key.support) {
      case Support::built: break;
      case Support::no_effect: no_effect_.push_back(property.key); break;
      case Support::pending:
        if (!is_default) pending_.push_back(property.key);
        break;
      case Support::refused:
        if (is_default) break;
        if (key.name == "authorizer.class.name" && allows_everybody(property.value)) {
          loader_.must_find_no_acl = true;
          loader_.warn(property.key,
                       "authorization is not built yet; everybody is let in, and the start is "
                       "refused once there is an ACL in ZooKeeper");
          break;
        }
        loader_.fault(property.key, refusal(key.name));
        break;
    }
  }

  Loader& loader_;
  std::vector<std::string_view> pending_;
  std::vector<std::string_view> no_effect_;
};

}  // namespace

std::string Loader::line(std::string_view key, std::string_view message) const {
  const Property* property = properties.find(key);
  const Key* known = find_base_key(key);
  if (property != nullptr) {
    const bool is_secret = known == nullptr || known->is_password();
    return fmt::format("{}: {}={}: {}", property->where(), key,
                       is_secret ? "[hidden]" : std::string_view(property->value), message);
  }
  const std::string value =
      known == nullptr ? std::string() : value_to_text(default_value(*known)).value_or("");
  return value.empty() ? fmt::format("{}: {}", key, message)
                       : fmt::format("{}={} (the default): {}", key, value, message);
}

void Loader::fault(std::string_view key, std::string_view rule) {
  report.errors.push_back(line(key, rule));
}

void Loader::warn(std::string_view key, std::string_view message) {
  report.warnings.push_back(line(key, message));
}

void read_entries(Loader& loader) {
  EntryReader reader(loader);
  for (const Property& property : loader.properties.entries()) reader.read(property);
  reader.finish();
  // node.id is the newer name; either alone sets both.
  for (const auto& [from, to] : {std::pair{"broker.id", "node.id"}, {"node.id", "broker.id"}}) {
    if (loader.values.is_set(from) && !loader.values.is_set(to)) {
      loader.values.set(to, loader.values.value(from));
    }
  }
}

}  // namespace config
