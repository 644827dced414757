#include "system/thread_words.h"

#include <gtest/gtest.h>

#include "system/kernel_scene.h"

namespace dumptriage::system {
namespace {

using Build = synth::KernelBuild;

TEST(ThreadWords, WaitReasonsOfEveryBuild) {
  EXPECT_EQ(wait_reason_of_build(0, 1381), "Executive");
  EXPECT_EQ(wait_reason_of_build(20, 2195), "WrRendezvous");
  EXPECT_EQ(wait_reason_of_build(22, 3790), "reason 22"); // not settled before Vista
  EXPECT_EQ(wait_reason_of_build(22, 6000), "WrTerminated");
  EXPECT_EQ(wait_reason_of_build(27, 7601), "WrResource");
  EXPECT_EQ(wait_reason_of_build(37, 19041), "WrAlertByThreadId");
  EXPECT_EQ(wait_reason_of_build(200, 19041), "reason 200");
  EXPECT_EQ(thread_state_name(2), "running");
  EXPECT_EQ(thread_state_name(9), "waiting for process in-swap");
  EXPECT_EQ(thread_state_name(77), "");
}

// A tick of 15.625 ms: 15.625 * 2^24 in TickCountMultiplier.
TEST(ThreadWords, TicksBecomeSeconds) {
  for (auto [build, shared, ticks_at] : {std::tuple{Build::nt4_x86, 0xFFDF0000ull, 0x0u},
                                         {Build::ws2003sp2_x86, 0xFFDF0000ull, 0x320u},
                                         {Build::win10_19041_x64, 0xFFFFF78000000000ull, 0x320u}}) {
    KernelScene scene(build);
    scene.objects.place(shared, 0x400);
    scene.objects.put(shared + 4, 0x0FA00000, 4);
    scene.objects.put(shared + ticks_at, 64'000, 4);
    TickCount ticks(scene.view());
    EXPECT_EQ(ticks.seconds_since(0), 1000u);
    EXPECT_EQ(ticks.seconds_since(64'000), 0u);
    EXPECT_EQ(ticks.seconds_since(64'001), std::nullopt); // it has not begun
    EXPECT_EQ(ticks.seconds_since(0xFFFFFF00), 1004u);    // the counter ran over
  }
}

TEST(ThreadWords, WithoutAClockNothingIsSaid) {
  KernelScene scene(Build::ws2003sp2_x86);
  EXPECT_EQ(TickCount(scene.view()).seconds_since(5), std::nullopt);
}

} // namespace
} // namespace dumptriage::system
