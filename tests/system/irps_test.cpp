#include "system/irps.h"

#include <gtest/gtest.h>

#include "system/kernel_scene.h"

namespace dumptriage::system {
namespace {

using Build = synth::KernelBuild;
using Address = std::uint64_t;

// IRP, IO_STACK_LOCATION, DEVICE_OBJECT and DRIVER_OBJECT as wdm.h has them.
struct Laid {
  Address irp = 0, device = 0, driver = 0;
};

struct Offsets {
  std::uint32_t irp, location, thread_list, stack_count, current, cancel_routine, thread, pointer,
      device, file, completion, context, driver_name;
};
Offsets offsets(bool wide) {
  if (wide) return {0xd0, 0x48, 0x20, 0x42, 0x43, 0x68, 0x98, 0xb8, 0x28, 0x30, 0x38, 0x40, 0x38};
  return {0x70, 0x24, 0x10, 0x22, 0x23, 0x38, 0x50, 0x60, 0x14, 0x18, 0x1c, 0x20, 0x1c};
}

Address driver(synth::KernelObjects& o, const std::string& name) {
  Offsets at = offsets(o.at.pointer == 8);
  Address driver = o.allocate(o.at.pointer == 8 ? 0x150 : 0xa8);
  o.put(driver, 4, 2);
  Address text = o.allocate(static_cast<std::uint32_t>(2 * name.size()));
  for (std::size_t i = 0; i < name.size(); ++i) o.put(text + 2 * i, name[i], 2);
  o.put(driver + at.driver_name, 2 * name.size(), 2);
  o.put(driver + at.driver_name + 2, 2 * name.size(), 2);
  o.put_pointer(driver + at.driver_name + o.at.pointer, text);
  return driver;
}

// Three locations; the request is at number 2, a read of \Driver\netbt.
Laid lay(synth::KernelObjects& o, Address thread, unsigned current = 2) {
  Offsets at = offsets(o.at.pointer == 8);
  Laid laid;
  laid.driver = driver(o, "\\Driver\\netbt");
  laid.device = o.allocate(o.at.pointer == 8 ? 0x150 : 0xb8);
  o.put(laid.device, 3, 2);
  o.put_pointer(laid.device + 8, laid.driver);
  laid.irp = o.allocate(at.irp + 3 * at.location);
  o.put(laid.irp, 6, 2);
  o.put(laid.irp + 2, at.irp + 3 * at.location, 2);
  o.put(laid.irp + at.stack_count, 3, 1);
  o.put(laid.irp + at.current, current, 1);
  o.put_pointer(laid.irp + at.thread, thread);
  o.put_pointer(laid.irp + at.cancel_routine, 0x87654320);
  o.put_pointer(laid.irp + at.pointer, laid.irp + at.irp + (current - 1) * at.location);
  o.append(thread + o.at.irp_list, laid.irp + at.thread_list);
  for (unsigned number : {2u, 3u}) {
    Address location = laid.irp + at.irp + (number - 1) * at.location;
    o.put(location, number == 2 ? 3 : 0x1b, 1);
    o.put(location + 1, number == 2 ? 0 : 2, 1);
    o.put(location + 3, number == 2 ? 1 : 0xe0, 1);
    o.put_pointer(location + at.device, laid.device);
    o.put_pointer(location + at.file, 0x81111110);
    o.put_pointer(location + at.completion, number == 2 ? 0 : 0x82222220);
    o.put_pointer(location + at.context, 0x83333330);
  }
  return laid;
}

class Irps : public testing::TestWithParam<Build> {};
INSTANTIATE_TEST_SUITE_P(Builds, Irps,
                         testing::Values(Build::nt4_x86, Build::ws2003sp2_x86, Build::win7sp1_x64,
                                         Build::win10_19041_x64));

TEST_P(Irps, OfAThread) {
  KernelScene scene(GetParam());
  Address thread = scene.thread("8");
  Laid laid = lay(scene.objects, thread);
  auto irps = irps_of_threads(scene.view(), scene.threads);
  ASSERT_EQ(irps.size(), 1u);
  const Irp& irp = irps[0];
  EXPECT_EQ(irp.address, laid.irp);
  EXPECT_EQ(irp.thread, thread);
  EXPECT_EQ(irp.thread_id, "8");
  EXPECT_EQ(irp.from, "IrpList of thread 8");
  EXPECT_EQ(irp.stack_count, 3u);
  EXPECT_EQ(irp.current_location, 2u);
  EXPECT_EQ(irp.cancel_routine, 0x87654320u);
  EXPECT_FALSE(irp.completed);
  ASSERT_EQ(irp.locations.size(), 2u); // number 1 was never used
  EXPECT_EQ(irp.locations[0].number, 3u);
  EXPECT_EQ(irp.locations[0].completion_routine, 0x82222220u);
  EXPECT_EQ(irp.locations[0].control, 0xe0);
  EXPECT_EQ(irp.locations[1].number, 2u);
  EXPECT_TRUE(irp.locations[1].current);
  EXPECT_FALSE(irp.locations[0].current);
  EXPECT_EQ(irp.locations[1].major, 3);
  EXPECT_EQ(irp.locations[1].device, laid.device);
  EXPECT_EQ(irp.locations[1].driver_object, laid.driver);
  EXPECT_EQ(irp.locations[1].driver, "\\Driver\\netbt");
  EXPECT_EQ(irp.locations[1].file_object, 0x81111110u);
  EXPECT_EQ(irp.locations[1].context, 0x83333330u);
  EXPECT_EQ(irp.trust, GetParam() == Build::nt4_x86 ? "self_checked" : "read");
  EXPECT_TRUE(scene.notes.empty());
}

TEST_P(Irps, CompletedAlready) {
  KernelScene scene(GetParam());
  Laid laid = lay(scene.objects, scene.thread("8"), 5);
  auto irp = read_irp(scene.view(), laid.irp, "bugcheck parameter 1", true);
  ASSERT_TRUE(irp);
  EXPECT_TRUE(irp->completed);
  for (const IrpLocation& location : irp->locations) EXPECT_FALSE(location.current);
}

TEST_P(Irps, NotYetSentIsNotCompleted) {
  KernelScene scene(GetParam());
  Laid laid = lay(scene.objects, scene.thread("8"), 4);
  auto irp = read_irp(scene.view(), laid.irp, "asked for", true);
  ASSERT_TRUE(irp);
  EXPECT_FALSE(irp->completed);
}

TEST_P(Irps, FreedTornAndLyingOnesAreNotes) {
  Offsets at = offsets(synth::kernel_object_offsets(GetParam()).pointer == 8);
  struct Lie {
    std::uint32_t offset;
    int size;
    std::uint64_t value;
    const char* said;
  };
  for (const Lie& lie :
       {Lie{0, 2, 0, "freed"}, Lie{0, 2, 5, "its type is 5"}, Lie{2, 2, at.irp, "does not hold"},
        Lie{at.stack_count, 1, 0, "0 stack"}, Lie{at.stack_count, 1, 200, "200 stack"},
        Lie{at.current, 1, 6, "6 of 3"}}) {
    KernelScene scene(GetParam());
    Laid laid = lay(scene.objects, scene.thread("8"));
    scene.objects.put(laid.irp + lie.offset, lie.value, lie.size);
    EXPECT_FALSE(read_irp(scene.view(), laid.irp, "asked for", true)) << lie.said;
    EXPECT_TRUE(scene.noted(lie.said)) << lie.said;
  }
  KernelScene scene(GetParam());
  EXPECT_FALSE(read_irp(scene.view(), 0xFFFFFFF0, "asked for", true));
  EXPECT_TRUE(scene.noted("not in the dump"));
}

TEST_P(Irps, ListThatRunsInACircleIsANote) {
  KernelScene scene(GetParam());
  auto& o = scene.objects;
  Address thread = scene.thread("8");
  Laid first = lay(o, thread), second = lay(o, thread);
  Address entry = first.irp + offsets(o.at.pointer == 8).thread_list;
  Address next = second.irp + offsets(o.at.pointer == 8).thread_list;
  o.put_pointer(next, entry);
  o.put_pointer(entry + o.at.pointer, next);
  EXPECT_LE(irps_of_threads(scene.view(), scene.threads).size(), 2u);
  EXPECT_TRUE(scene.noted("IrpList of thread 8"));
}

TEST_P(Irps, DeviceThatIsNoneHasNoDriver) {
  KernelScene scene(GetParam());
  Laid laid = lay(scene.objects, scene.thread("8"));
  scene.objects.put(laid.device, 9, 2);
  auto irp = read_irp(scene.view(), laid.irp, "asked for", true);
  ASSERT_TRUE(irp);
  EXPECT_EQ(irp->locations[1].driver_object, 0u);
  EXPECT_EQ(irp->locations[1].driver, "");
}

TEST(IrpNames, MajorAndMinor) {
  EXPECT_EQ(major_function_name(0), "IRP_MJ_CREATE");
  EXPECT_EQ(major_function_name(0x0E), "IRP_MJ_DEVICE_CONTROL");
  EXPECT_EQ(major_function_name(0x0F), "IRP_MJ_INTERNAL_DEVICE_CONTROL");
  EXPECT_EQ(major_function_name(0x16), "IRP_MJ_POWER");
  EXPECT_EQ(major_function_name(0x1B), "IRP_MJ_PNP");
  EXPECT_EQ(major_function_name(0x1C), "");
  EXPECT_EQ(minor_function_name(0x16, 2), "IRP_MN_SET_POWER");
  EXPECT_EQ(minor_function_name(0x1B, 0x17), "IRP_MN_SURPRISE_REMOVAL");
  EXPECT_EQ(minor_function_name(0x1B, 0x18), "");
  EXPECT_EQ(minor_function_name(0x0C, 2), "IRP_MN_NOTIFY_CHANGE_DIRECTORY");
  EXPECT_EQ(minor_function_name(3, 2), "");
}

} // namespace
} // namespace dumptriage::system
