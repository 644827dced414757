// KB961799: netbt.sys copies a malformed NetBIOS frame beyond its buffer.
//
// What the article says: Server 2003 SP2 (x86, x64, Itanium) and XP x64 SP2; the stops 0xA, 0x1E,
// 0x24, 0x50, 0x7E, 0xC5, 0xD1; netbt!NbtCopyToStartOfIndicate on top of the stack of any one
// processor.  It prints no files: a fixed netbt.sys cannot be told ("already fixed" does not
// exist).
#include <gtest/gtest.h>

#include "matrix/itanium.h"
#include "matrix/scenes.h"

namespace dumptriage::matrix {
namespace {

const char* const kKb = "KB961799";

const Table kWindows = {
    {State::affected,
     {"confirmed", "confirmed", "possible", "possible"},
     "the function is proved by its name; it is not exported, so that without symbols only stop "
     "and module are left"},
    {State::edition,
     {"not applicable", "not applicable", "not applicable", "not applicable"},
     "the article is about Service Pack 2"},
    {State::os,
     {"not applicable", "not applicable", "not applicable", "not applicable"},
     "Server 2008 is not named"},
    {State::other,
     {"possible", "possible", "possible", "possible"},
     "stop and module fit, the function on top is another: a lead only"},
    {State::paged_out,
     {"possible|undecided", "possible|undecided", "possible|undecided", "possible|undecided"},
     "nothing shows what was on top, and nothing shows that the function was not"},
};

const std::vector<Gap> kX86Triage = {
    {State::affected,
     {"possible", "possible", nullptr, nullptr},
     "the address that was touched stands among the parameters of KeBugCheckEx, above the trap "
     "frame; a small dump does not hold its page, so that it may be a return address, and the "
     "trap frame is not proved where no FPO data tell how many parameters those are"},
};

std::vector<Row> rows() {
  std::vector<Row> out;
  auto add = [&](const char* name, NtSystem system, bool client) {
    for (const char* kind : {"full", "summary", "triage"}) {
      const NetbtScene scene{.system = system, .kind = kind, .client = client};
      out.push_back(
          {name, kind,
           [scene](State state, Level level) { return make_kb961799(scene, state, level); },
           kWindows});
    }
  };
  add("2003 SP2 x86", NtSystem::ws2003sp2_x86, false);
  add("2003 SP2 x64", NtSystem::ws2003sp2_x64, false);
  add("XP x64 SP2", NtSystem::ws2003sp2_x64, true);
  for (Row& row : out)
    if (row.system == "2003 SP2 x86" && row.kind == "triage") row.gaps = kX86Triage;
  for (Row& row : itanium_rows()) out.push_back(std::move(row));
  return out;
}

TEST(Matrix, KB961799) { run(kKb, rows()); }

// Every stop of the article, the function on top of the CPU that stopped and of the other one.
TEST(Matrix, KB961799EveryStopOnEitherCpu) {
  for (NtSystem system : {NtSystem::ws2003sp2_x86, NtSystem::ws2003sp2_x64})
    for (bool other_cpu : {false, true})
      for (std::uint32_t stop : {0xAu, 0x1Eu, 0x24u, 0x50u, 0x7Eu, 0xC5u, 0xD1u}) {
        const NetbtScene scene{.system = system, .stop = stop, .other_cpu = other_cpu};
        EXPECT_EQ(judged(kKb, make_kb961799(scene, State::affected, Level::full)), "confirmed")
            << "stop " << std::hex << stop << (other_cpu ? ", other CPU" : "")
            << (system == NtSystem::ws2003sp2_x64 ? ", x64" : ", x86");
        EXPECT_EQ(judged(kKb, make_kb961799(scene, State::other, Level::full)), "possible") << stop;
      }
}

// Codes that the article does not name.
TEST(Matrix, KB961799OtherStops) {
  for (std::uint32_t stop : {0x19u, 0xC2u, 0x3Bu, 0x8Eu}) {
    const NetbtScene scene{.stop = stop};
    const std::string verdict = judged(kKb, make_kb961799(scene, State::affected, Level::full));
    EXPECT_EQ(verdict, "not applicable") << std::hex << stop;
  }
}

} // namespace
} // namespace dumptriage::matrix
