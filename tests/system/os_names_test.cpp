#include "system/os_names.h"

#include <gtest/gtest.h>

namespace dumptriage::system {
namespace {

using arch::Machine;

OsNumbers nt(std::uint32_t major, std::uint32_t minor, std::uint32_t build, int product,
             Machine machine, std::uint32_t service_pack = 0) {
  OsNumbers n;
  n.major = major;
  n.minor = minor;
  n.build = build;
  if (product != 0) n.product_type = static_cast<std::uint32_t>(product);
  n.machine = machine;
  n.service_pack = service_pack;
  return n;
}

TEST(OsNames, FamiliesOfEveryRelease) {
  EXPECT_EQ(os_family(nt(4, 0, 1381, 3, Machine::x86)), "nt4");
  EXPECT_EQ(os_family(nt(5, 0, 2195, 0, Machine::x86)), "2000");
  EXPECT_EQ(os_family(nt(5, 1, 2600, 1, Machine::x86)), "xp");
  EXPECT_EQ(os_family(nt(5, 1, 2600, 1, Machine::ia64)), "xp64");
  EXPECT_EQ(os_family(nt(5, 2, 3790, 1, Machine::x64)), "xp64");
  EXPECT_EQ(os_family(nt(5, 2, 3790, 3, Machine::x64)), "ws2003");
  EXPECT_EQ(os_family(nt(5, 2, 3790, 2, Machine::ia64)), "ws2003");
  EXPECT_EQ(os_family(nt(6, 0, 6002, 1, Machine::x64)), "vista");
  EXPECT_EQ(os_family(nt(6, 0, 6002, 3, Machine::x64)), "ws2008");
  EXPECT_EQ(os_family(nt(6, 1, 7601, 1, Machine::x64)), "win7");
  EXPECT_EQ(os_family(nt(6, 1, 7601, 3, Machine::x64)), "ws2008r2");
  EXPECT_EQ(os_family(nt(6, 2, 9200, 1, Machine::x64)), "win8");
  EXPECT_EQ(os_family(nt(6, 2, 9200, 2, Machine::x64)), "ws2012");
  EXPECT_EQ(os_family(nt(6, 3, 9600, 1, Machine::x64)), "win8.1");
  EXPECT_EQ(os_family(nt(6, 3, 9600, 3, Machine::x64)), "ws2012r2");
  EXPECT_EQ(os_family(nt(10, 0, 19045, 1, Machine::x64)), "win10");
  EXPECT_EQ(os_family(nt(10, 0, 22000, 1, Machine::arm64)), "win11");
  EXPECT_EQ(os_family(nt(10, 0, 14393, 3, Machine::x64)), "ws2016+");
  EXPECT_EQ(os_family(nt(10, 0, 26100, 3, Machine::x64)), "ws2016+");
}

TEST(OsNames, WhatIsNotKnownStaysOpen) {
  EXPECT_EQ(os_family(nt(6, 1, 7601, 0, Machine::x64)), "");
  EXPECT_EQ(os_name(nt(6, 1, 7601, 0, Machine::x64)),
            "Windows 7 or Server 2008 R2 (build 7601), x64");
  EXPECT_EQ(os_family(nt(5, 2, 3790, 0, Machine::x64)), "");
  EXPECT_EQ(os_family(nt(5, 2, 3790, 0, Machine::x86)), "ws2003") << "5.2 on x86 was a server only";
  EXPECT_EQ(os_family(nt(5, 2, 3790, 1, Machine::x86)), "xp64") << "a WOW64 process";
  EXPECT_EQ(os_family(nt(7, 7, 1, 1, Machine::x86)), "");
  EXPECT_EQ(os_name(nt(7, 7, 1, 1, Machine::x86)), "Windows NT 7.7 (build 1), x86");
  OsNumbers unknown;
  unknown.platform = OsPlatform::unknown;
  EXPECT_EQ(os_family(unknown), "");
  EXPECT_EQ(os_name(unknown), "unknown operating system");
}

TEST(OsNames, NamesForPeople) {
  EXPECT_EQ(os_name(nt(5, 2, 3790, 3, Machine::x64, 2)),
            "Windows Server 2003 Service Pack 2 (build 3790), x64");
  EXPECT_EQ(os_name(nt(5, 1, 2600, 1, Machine::x86, 3)),
            "Windows XP Service Pack 3 (build 2600), x86");
  EXPECT_EQ(os_name(nt(10, 0, 17763, 3, Machine::x64)), "Windows Server 2019 (build 17763), x64");
  OsNumbers n;
  n.platform = OsPlatform::macos;
  n.major = 11;
  n.minor = 7;
  n.build = 9;
  EXPECT_EQ(os_name(n), "macOS 11.7.9");
  EXPECT_EQ(os_family(n), "macos");
  n.platform = OsPlatform::android;
  EXPECT_EQ(os_family(n), "linux");
  n.platform = OsPlatform::ios;
  EXPECT_EQ(os_family(n), "");
}

TEST(OsNames, Editions) {
  EXPECT_EQ(os_edition(1, 0x110), "workstation");
  EXPECT_EQ(os_edition(2, 0x110), "domain controller");
  EXPECT_EQ(os_edition(3, 0x110), "server");
  EXPECT_EQ(os_edition(3, 0x10), "server + terminal services");
  EXPECT_EQ(os_edition(std::nullopt, 0x10), "");
}

TEST(OsNames, ServicePacks) {
  EXPECT_EQ(service_pack_of(""), 0u);
  EXPECT_EQ(service_pack_of("Service Pack 2"), 2u);
  EXPECT_EQ(service_pack_of("Service Pack 6a"), 6u);
  EXPECT_EQ(service_pack_of("Service Pack 3, v.3311"), std::nullopt);
  EXPECT_EQ(service_pack_of("Service Pack "), std::nullopt);
  EXPECT_EQ(service_pack_of("Linux 3.13.0"), std::nullopt);
  EXPECT_EQ(service_pack_of_build(7601), 1u);
  EXPECT_EQ(service_pack_of_build(6002), 2u);
  EXPECT_EQ(service_pack_of_build(19041), 0u);
  EXPECT_EQ(service_pack_of_build(3790), std::nullopt);
  ASSERT_TRUE(nt_version_of_build(3790));
  EXPECT_EQ(nt_version_of_build(3790)->minor, 2u);
  EXPECT_FALSE(nt_version_of_build(3791));
}

} // namespace
} // namespace dumptriage::system
