// Goal: every single-znode operation does on a real server what client.h says, errors included.
#include <algorithm>

#include "test/integration/zkclient/zookeeper_fixture.h"

namespace zkclient {
namespace {

using base::Errc;

ZOOKEEPER_TEST("create, get, set, exists, remove") {
  auto client = co_await connected(zookeeper);
  const auto made = co_await client->create("/a", "one", CreateMode::persistent, open_acl_unsafe());
  REQUIRE(made.has_value());
  CHECK(*made == "/a");

  const auto got = co_await client->get("/a");
  REQUIRE(got.has_value());
  CHECK(got->data == "one");
  CHECK(got->stat.version == ZkVersion(0));
  CHECK(got->stat.data_length == 3);
  CHECK(got->stat.ephemeral_owner == 0);
  CHECK(got->stat.czxid == got->stat.mzxid);

  const auto set = co_await client->set("/a", "two!", ZkVersion(0));
  REQUIRE(set.has_value());
  CHECK(set->version == ZkVersion(1));
  CHECK(set->mzxid > set->czxid);

  const auto found = co_await client->exists("/a");
  REQUIRE((found.has_value() && found->has_value()));
  CHECK(**found == *set);

  CHECK((co_await client->remove("/a", ZkVersion(1))).has_value());
  const auto gone = co_await client->exists("/a");
  REQUIRE(gone.has_value());
  CHECK(!gone->has_value());
  co_await client->close();
}

ZOOKEEPER_TEST("null data and empty data are told apart") {
  auto client = co_await connected(zookeeper);
  co_await client->create("/null", std::nullopt, CreateMode::persistent, open_acl_unsafe());
  co_await client->create("/empty", "", CreateMode::persistent, open_acl_unsafe());
  const auto null = co_await client->get("/null");
  const auto empty = co_await client->get("/empty");
  REQUIRE((null.has_value() && empty.has_value()));
  CHECK(!null->data.has_value());
  CHECK(empty->data == "");
  co_await client->close();
}

ZOOKEEPER_TEST("errors are typed") {
  auto client = co_await connected(zookeeper);
  const AclList open = open_acl_unsafe();
  co_await client->create("/a", "x", CreateMode::persistent, open);
  co_await client->create("/a/b", "x", CreateMode::persistent, open);
  co_await client->create("/e", "x", CreateMode::ephemeral, open);

  const auto error_of = [](const auto& result) {
    return result ? std::error_code() : result.error().code();
  };
  CHECK(error_of(co_await client->get("/none")) == ZkError::no_node);
  CHECK(error_of(co_await client->children("/none")) == ZkError::no_node);
  CHECK(error_of(co_await client->create("/x/y", "", CreateMode::persistent, open)) ==
        ZkError::no_node);
  CHECK(error_of(co_await client->create("/a", "", CreateMode::persistent, open)) ==
        ZkError::node_exists);
  CHECK(error_of(co_await client->set("/a", "y", ZkVersion(7))) == ZkError::bad_version);
  CHECK(error_of(co_await client->remove("/a")) == ZkError::not_empty);
  CHECK(error_of(co_await client->create("/e/c", "", CreateMode::persistent, open)) ==
        ZkError::no_children_for_ephemerals);
  CHECK(error_of(co_await client->create("/i", "", CreateMode::persistent, {})) ==
        ZkError::invalid_acl);
  CHECK(error_of(co_await client->get("relative")) == ZkError::bad_arguments);
  CHECK(error_of(co_await client->get("/a/")) == ZkError::bad_arguments);

  const auto missing = co_await client->get("/none");
  CHECK(missing.error().to_string() == "get " + zookeeper.chroot + "/none: znode does not exist");
  co_await client->close();
}

ZOOKEEPER_TEST("sequential and ephemeral znodes") {
  auto client = co_await connected(zookeeper);
  const auto first =
      co_await client->create("/s_", "", CreateMode::persistent_sequential, open_acl_unsafe());
  const auto second =
      co_await client->create("/s_", "", CreateMode::persistent_sequential, open_acl_unsafe());
  REQUIRE((first.has_value() && second.has_value()));
  CHECK(*first == "/s_0000000000");
  CHECK(*second == "/s_0000000001");

  const auto ephemeral =
      co_await client->create("/e_", "", CreateMode::ephemeral_sequential, open_acl_unsafe());
  REQUIRE(ephemeral.has_value());
  const auto got = co_await client->get(*ephemeral);
  REQUIRE(got.has_value());
  CHECK(got->stat.ephemeral_owner == client->session_id());

  CHECK(co_await client->close());
  auto other = co_await connected(zookeeper);
  auto names = co_await other->children("/");
  REQUIRE(names.has_value());
  std::sort(names->begin(), names->end());
  CHECK(*names == std::vector<std::string>{"s_0000000000", "s_0000000001"});
  co_await other->close();
}

ZOOKEEPER_TEST("children with the parent's stat") {
  auto client = co_await connected(zookeeper);
  co_await client->create("/p", "", CreateMode::persistent, open_acl_unsafe());
  for (const char* name : {"/p/a", "/p/b", "/p/c"}) {
    co_await client->create(name, "", CreateMode::persistent, open_acl_unsafe());
  }
  auto children = co_await client->children_with_stat("/p");
  REQUIRE(children.has_value());
  std::sort(children->names.begin(), children->names.end());
  CHECK(children->names == std::vector<std::string>{"a", "b", "c"});
  CHECK(children->stat.num_children == 3);
  co_await client->close();
}

ZOOKEEPER_TEST("ACLs and digest authentication") {
  if (zookeeper.is_model()) co_return;
  ClientOptions with_digest = zookeeper.options();
  with_digest.auth.push_back({"digest", "alice:secret"});
  auto alice = co_await connected(zookeeper, with_digest);
  auto anyone = co_await connected(zookeeper);

  AclList acl = creator_all_acl();
  acl.push_back(read_acl_unsafe().front());
  co_await alice->create("/mine", "1", CreateMode::persistent, acl);
  co_await anyone->sync("/");
  CHECK((co_await anyone->get("/mine")).has_value());
  const auto refused = co_await anyone->set("/mine", "2");
  REQUIRE(!refused.has_value());
  CHECK(refused.error().is(ZkError::no_auth));
  CHECK((co_await alice->set("/mine", "2")).has_value());

  const auto stored = co_await alice->get_acl("/mine");
  REQUIRE(stored.has_value());
  REQUIRE(stored->acl.size() == 2);
  CHECK(stored->acl[0].scheme == "digest");
  CHECK(stored->acl[0].id.starts_with("alice:"));
  CHECK(stored->acl[0].perms == kPermAll);

  const auto opened = co_await alice->set_acl("/mine", open_acl_unsafe(), stored->stat.aversion);
  REQUIRE(opened.has_value());
  CHECK(opened->aversion == stored->stat.aversion + 1);
  CHECK((co_await anyone->set("/mine", "3")).has_value());
  co_await alice->close();
  co_await anyone->close();
}

ZOOKEEPER_TEST("an unknown authentication scheme is final") {
  if (zookeeper.is_model()) co_return;
  ClientOptions options = zookeeper.options();
  options.auth.push_back({"no-such-scheme", "x"});
  auto client = zookeeper.make_client(options);
  const auto result = co_await client->connect(10'000);
  REQUIRE(!result.has_value());
  CHECK(result.error().is(ZkError::auth_failed));
  CHECK(client->state() == SessionState::auth_failed);
  co_await client->close();
}

ZOOKEEPER_TEST("sync, and recursive creation") {
  auto client = co_await connected(zookeeper);
  CHECK((co_await client->sync("/")).has_value());
  const auto made = co_await create_recursive(*client, "/x/y/z", "deep", open_acl);
  REQUIRE(made.has_value());
  const auto parent = co_await client->get("/x/y");
  REQUIRE(parent.has_value());
  CHECK(!parent->data.has_value());
  const auto again = co_await create_recursive(*client, "/x/y/z", "deep", open_acl);
  CHECK((!again && again.error().is(ZkError::node_exists)));
  CHECK((co_await ensure_path(*client, "/x/y/z", open_acl)).has_value());
  CHECK((co_await ensure_path(*client, "/v/w", open_acl)).has_value());
  co_await client->close();
}

ZOOKEEPER_TEST("a request beyond the server's limit is refused before it is sent") {
  auto client = co_await connected(zookeeper);
  const auto refused = co_await client->create("/big", std::string(1'048'576, 'x'),
                                               CreateMode::persistent, open_acl_unsafe());
  REQUIRE(!refused.has_value());
  CHECK(refused.error().is(Errc::too_large));
  const auto fits = co_await client->create("/big", std::string(1'048'000, 'x'),
                                            CreateMode::persistent, open_acl_unsafe());
  CHECK(fits.has_value());
  const auto got = co_await client->get("/big");
  REQUIRE(got.has_value());
  CHECK(got->data->size() == 1'048'000);
  co_await client->close();
}

}  // namespace
}  // namespace zkclient
