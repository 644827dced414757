#include <gtest/gtest.h>

#include "scene.h"

namespace {

using namespace dumptriage;
using scene::Scene;
using scene::Sure;

constexpr std::uint64_t kNt = 0xFFFFF80001000000, kDriver = 0xFFFFF80003000000;

struct Kernel : Scene {
  Kernel() : Scene(arch::Machine::x64, true) {
    module("\\SystemRoot\\system32\\ntoskrnl.exe", kNt, 0x800000, 0x45D69710);
    module("\\SystemRoot\\System32\\drivers\\NETBT.SYS", kDriver, 0x40000, 0x42435B12);
    crashed("4", 0);
  }
  evidence::Bucket bucket() {
    auto in = input();
    return evidence::make_bucket(in, evidence::describe_stop(in), evidence::find_blame(in));
  }
};

TEST(Bucket, KeyFamilyTitle) {
  Kernel k;
  k.stack({{kNt + 0x2E890}});
  k.bugcheck(0xD1, {0x24, 2, 0, kDriver + 0x1234});
  auto bucket = k.bucket();
  EXPECT_EQ(bucket.key, "D1:netbt.sys@42435B1240000+1234");
  EXPECT_EQ(bucket.family, "D1:netbt.sys");
  EXPECT_EQ(bucket.title, "0xD1 in netbt.sys+0x1234 (read of null+0x24)");
}

TEST(Bucket, SameKeyWithAndWithoutNames) {
  auto key = [](bool named, std::size_t sure) {
    Kernel k;
    auto name = [&](const char* text) { return named ? std::string(text) : std::string(); };
    k.stack({{kNt + 0x2E890, name("KeBugCheckEx")},
             {kNt + 0x2D274, name("KiPageFault")},
             {kNt + 0x8000, name("memcpy"), true},
             {kDriver + 0x1234, name("memmove")},
             {kDriver + 0x5678, name("NbtCopy")}},
            sure);
    k.bugcheck(0xA, {0x24, 2, 0, kNt + 0x8000});
    return k.bucket().key;
  };
  EXPECT_EQ(key(true, SIZE_MAX), "A:netbt.sys@42435B1240000+1234");
  EXPECT_EQ(key(true, SIZE_MAX), key(false, SIZE_MAX));
  EXPECT_EQ(key(true, 4), key(false, SIZE_MAX)); // how far the proved part goes on does not matter
}

TEST(Bucket, LoadAddressDoesNotMatterAndTheBuildDoes) {
  auto key = [](std::uint64_t base, std::uint32_t timestamp) {
    Scene s(arch::Machine::x64, true);
    s.module("netbt.sys", base, 0x40000, timestamp);
    s.crashed("4", 0);
    s.bugcheck(0xD1, {0x24, 2, 0, base + 0x1234});
    auto in = s.input();
    return evidence::make_bucket(in, evidence::describe_stop(in), evidence::find_blame(in));
  };
  EXPECT_EQ(key(kDriver, 1).key, key(kNt, 1).key);
  EXPECT_NE(key(kDriver, 1).key, key(kDriver, 2).key);
  EXPECT_EQ(key(kDriver, 1).family, key(kDriver, 2).family);
}

TEST(Bucket, MVariantIsTheSameStop) {
  auto key = [](std::uint32_t code) {
    Kernel k;
    k.stack({{kDriver + 0x1000}});
    k.exception(0xC0000005, kDriver + 0x1000, {0, 0});
    k.bugcheck(code, {0xFFFFFFFFC0000005, kDriver + 0x1000, 0, 0});
    k.context(k.registers(kDriver + 0x1000));
    return k.bucket().key;
  };
  EXPECT_EQ(key(0x7E), "7E:C0000005:netbt.sys@42435B1240000+1000");
  EXPECT_EQ(key(0x7E), key(0x1000007E));
}

TEST(Bucket, DamageFoundByAccidentIsOneBucket) {
  auto key = [](std::uint64_t kind, std::uint64_t finder) {
    Kernel k;
    k.stack({{kNt + 0x2E890}, {kNt + 0x9000}, {finder}});
    k.bugcheck(0x19, {kind, 0, 0, 0});
    return k.bucket().key;
  };
  EXPECT_EQ(key(0x20, kDriver + 1), "19:20");
  EXPECT_EQ(key(0x20, kDriver + 0x2000), "19:20");
  EXPECT_EQ(key(0x21, kDriver + 1), "19:21");
}

TEST(Bucket, DebugIdCountsBeforeTimestamp) {
  Scene s(arch::Machine::x64, false);
  s.module("C:\\app\\app.exe", 0x140000000);
  s.snapshot.modules[0].debug.kind = dump::DebugId::Kind::nb10;
  s.snapshot.modules[0].debug.signature = 0x3A2B1C0D;
  s.snapshot.modules[0].debug.age = 2;
  s.crashed("1");
  s.stack({{0x140001000}});
  s.exception(0xC0000409, 0x140001000, {7});
  s.context(s.registers(0x140001000));
  auto in = s.input();
  auto bucket = evidence::make_bucket(in, evidence::describe_stop(in), evidence::find_blame(in));
  EXPECT_EQ(bucket.key, "C0000409:7:app.exe@3A2B1C0D2+1000");
}

} // namespace
