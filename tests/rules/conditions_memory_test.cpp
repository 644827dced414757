// Conditions on memory: pool_usage, session_leak, pool_tag_at, irp, corruption, network_peer.
#include <gtest/gtest.h>

#include "rules/facts_builder.h"

namespace dumptriage::rules::test {
namespace {

Fact usage(const char* tag, const char* pool, std::uint64_t share) {
  return fact("pool_usage", std::string("pool_usage:") + pool + tag,
              {{"tag", text(tag)}, {"pool", text(pool)}, {"share", number(share)}});
}

TEST(PoolUsage, ShareOfATag) {
  const std::vector<Fact> facts = {usage("TMRL", "nonpaged", 40), usage("Irp ", "nonpaged", 3)};
  const FactSet set = with(facts), part = seen_in_part(facts);
  const char* much = "pool_usage: {tag: TMRL, pool: nonpaged, at_least: 25%}";
  EXPECT_EQ(answer(much, set), "yes");
  EXPECT_EQ(answer(much, part), "yes");
  EXPECT_EQ(answer("pool_usage: {tag: TMRL, at_least: 41%}", set), "no");
  EXPECT_EQ(answer("pool_usage: {tag: TMRL, at_least: 41%}", part), "cannot tell");
  EXPECT_EQ(answer("pool_usage: {tag: TMRL, pool: paged, at_least: 1%}", set), "no");
  EXPECT_EQ(answer("pool_usage: {tag: Irp, at_least: 2%}", set), "yes");
  EXPECT_EQ(answer("pool_usage: {tag: Irp, at_most: 5%}", set), "yes");
  EXPECT_EQ(answer("pool_usage: {tag: Irp, at_most: 5%}", part), "cannot tell");
  EXPECT_EQ(answer("pool_usage: {tag: TMRL, at_most: 5%}", part), "no");
  EXPECT_EQ(answer("pool_usage: {tag: None, at_most: 5%}", set), "yes");
  EXPECT_EQ(answer("pool_usage: {tag: None, at_most: 5%}", part), "cannot tell");
  EXPECT_EQ(answer("pool_usage: {tag: None, at_least: 1%}", set), "no");
  Fact unknown = usage("TMRL", "nonpaged", 0);
  unknown.fields.erase("share");
  EXPECT_EQ(answer(much, with({unknown})), "cannot tell");
  Fact guessed = usage("TMRL", "nonpaged", 40);
  guessed.trust = "inferred";
  EXPECT_EQ(answer(much, with({guessed})), "weak yes");
}

TEST(SessionLeak, OneOfTheTags) {
  const std::vector<Fact> facts = {
      fact("session_leak", "session_leak:Ussy", {{"tag", text("Ussy")}, {"blocks", number(3)}})};
  EXPECT_EQ(answer("session_leak: [Gpat, Ussy]", with(facts)), "yes");
  EXPECT_EQ(answer("session_leak: Gpat", with(facts)), "no");
  EXPECT_EQ(answer("session_leak: Gpat", seen_in_part(facts)), "cannot tell");
}

TEST(PoolTagAt, ParameterAndFault) {
  auto block = [](const char* by, const char* tag, const char* state) {
    return fact("pool_block", std::string("pool_block:") + by,
                {{"asked_by", text(by)}, {"tag", text(tag)}, {"state", text(state)}});
  };
  const FactSet set = with({block("p1", "Irp ", "free"), block("p2", "NtFs", "allocated")});
  EXPECT_EQ(answer("pool_tag_at: {at: p1, tag: [Irp], state: free}", set), "yes");
  EXPECT_EQ(answer("pool_tag_at: {at: p1, state: allocated}", set), "no");
  EXPECT_EQ(answer("pool_tag_at: {at: p2, tag: Irp}", set), "no");
  EXPECT_EQ(answer("pool_tag_at: {at: p3, tag: Irp}", set), "no");
  EXPECT_EQ(answer("pool_tag_at: {at: fault, tag: Irp}", set), "no");
  EXPECT_EQ(answer("pool_tag_at: {at: p3, tag: Irp}", seen_in_part({})), "cannot tell");
  Fact untold = block("p1", "Irp ", "free");
  untold.fields.erase("state");
  EXPECT_EQ(answer("pool_tag_at: {at: p1, state: free}", with({untold})), "cannot tell");
  Fact damaged = block("p1", "Irp ", "free");
  damaged.fields["damaged"] = true;
  EXPECT_EQ(answer("pool_tag_at: {at: p1, tag: Irp}", with({damaged})), "weak yes");
  EXPECT_EQ(answer("pool_tag_at: {at: p1, tag: NtFs}", with({damaged})), "cannot tell");
  const Fact touched = fact("touched_block", "touched_block:address",
                            {{"of", text("address")}, {"tag", text("NBTc")}});
  EXPECT_EQ(answer("pool_tag_at: {at: fault, tag: NBTc}", with({touched})), "yes");
}

Fact irp(std::uint64_t address, std::map<std::string, evidence::Value> more = {}) {
  Fact made =
      fact("irp", "irp:" + std::to_string(address),
           {{"address", Address{address}}, {"freed", true}, {"twice", true}, {"pending", false}});
  for (auto& [key, value] : more) made.fields[key] = value;
  return made;
}
Fact location(std::uint64_t of, const char* completion, const char* driver,
              std::uint64_t major = 4) {
  Fact made = fact("irp_location", "irp_location:" + std::to_string(of) + completion,
                   {{"irp", Address{of}}, {"major", number(major)}});
  if (*completion) made.fields["completion_module"] = text(completion);
  if (*driver) made.fields["driver_module"] = text(driver);
  return made;
}

TEST(Irp, AllKeysOfOneRequest) {
  const char* twice = "irp: {state: freed, twice: true, completion_in: sfmsrv.sys}";
  const FactSet set = with({irp(0x8A000000), location(0x8A000000, "sfmsrv.sys", "afd.sys"),
                            irp(0x8A001000, {{"freed", false}, {"twice", false}}),
                            location(0x8A001000, "npfs.sys", "npfs.sys", 3)});
  EXPECT_EQ(answer(twice, set), "yes");
  EXPECT_EQ(answer("irp: {state: freed, completion_in: npfs.sys}", set), "no"); // of two requests
  EXPECT_EQ(answer("irp: {twice: false, driver: npfs.sys}", set), "yes");
  EXPECT_EQ(answer("irp: {driver: afd, major: 4}", set), "yes");
  EXPECT_EQ(answer("irp: {driver: afd, major: 3}", set), "no");
  EXPECT_EQ(answer("irp: {major: 3}", set), "yes");
  EXPECT_EQ(answer("irp: {state: pending}", set), "no");
  EXPECT_EQ(answer(twice, with({})), "no");
  EXPECT_EQ(answer(twice, seen_in_part({})), "cannot tell");
  Fact untold = irp(0x8A000000);
  untold.fields.erase("twice");
  EXPECT_EQ(answer(twice, with({untold, location(0x8A000000, "sfmsrv.sys", "")})), "cannot tell");
  EXPECT_EQ(answer(twice, with({irp(0x8A000000)})), "no");
  FactSet locations_lost = with({irp(0x8A000000)});
  cover(locations_lost, "irp_location", Extent::partial);
  EXPECT_EQ(answer(twice, locations_lost), "cannot tell");
  Fact guessed = irp(0x8A000000);
  guessed.trust = "inferred";
  EXPECT_EQ(answer(twice, with({guessed, location(0x8A000000, "sfmsrv.sys", "")})), "weak yes");
}

TEST(Irp, ANameOfADriverObjectIsNoModule) {
  Fact named = location(0x8A000000, "", "");
  named.fields["driver"] = text("\\Driver\\afd");
  EXPECT_EQ(answer("irp: {driver: afd.sys}", with({irp(0x8A000000), named})), "weak yes");
  named.fields["driver_module"] = text("rootkit.sys");
  EXPECT_EQ(answer("irp: {driver: afd.sys}", with({irp(0x8A000000), named})), "no");
}

TEST(Corruption, KindsOfDamage) {
  Fact damage = fact(
      "corruption", "corruption:1",
      {{"what", text("irp_lookaside")}, {"how", text("doubled")}, {"block_type", text("IRP")}});
  const FactSet set = with({damage});
  EXPECT_EQ(answer("corruption: [pool_freelist, irp_lookaside]", set), "yes");
  EXPECT_EQ(answer("corruption: {what: irp_lookaside, how: doubled, block: IRP}", set), "yes");
  EXPECT_EQ(answer("corruption: {what: pool_freelist}", set), "no");
  EXPECT_EQ(answer("corruption: {how: looped}", set), "no");
  EXPECT_EQ(answer("corruption: {tag: Irp}", set), "cannot tell");
  EXPECT_EQ(answer("corruption: {block: IRP}", with({})), "no");
  EXPECT_EQ(answer("corruption: {block: IRP}", seen_in_part({})), "cannot tell");
  damage.trust = "inferred";
  EXPECT_EQ(answer("corruption: {block: IRP}", with({damage})), "weak yes");
}

TEST(NetworkPeer, CandidatesAreWeak) {
  Fact peer =
      fact("network_peer", "network_peer:1",
           {{"address", text("10.0.0.7")}, {"port", number(139)}, {"certainty", text("agreed")}});
  EXPECT_EQ(answer("network_peer: true", with({peer})), "yes");
  EXPECT_EQ(answer("network_peer: {port: [139, 445]}", with({peer})), "yes");
  EXPECT_EQ(answer("network_peer: {port: 445}", with({peer})), "no");
  EXPECT_EQ(answer("network_peer: {protocol: tcp}", with({peer})), "cannot tell");
  peer.fields["certainty"] = text("candidate");
  EXPECT_EQ(answer("network_peer: {port: 139}", with({peer})), "weak yes");
  EXPECT_EQ(answer("network_peer: {port: 139}", seen_in_part({})), "cannot tell");
}

} // namespace
} // namespace dumptriage::rules::test
