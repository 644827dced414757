// What the tests of facts of the machine's objects share.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "scene.h"

namespace scene {

using evidence::Coverage;
using evidence::Fact;
using evidence::FactSet;
using Extent = Coverage::Extent;

inline constexpr std::uint64_t kNt = 0x80400000, kSfmsrv = 0xF1000000, kThread = 0x8A001000,
                               kOther = 0x8A002000;

struct Kernel : Scene {
  Kernel() : Scene(arch::Machine::x86, true) {
    module("\\WINNT\\system32\\ntoskrnl.exe", kNt, 0x200000);
    module("\\SystemRoot\\system32\\drivers\\sfmsrv.sys", kSfmsrv, 0x21000);
    snapshot.os.family = "nt4";
    snapshot.os.build = 1381;
  }
  FactSet facts() { return evidence::extract(input()); }
};

inline const Coverage& coverage(const FactSet& set, const char* kind) {
  static const Coverage nothing;
  const Coverage* found = set.coverage_of(kind);
  EXPECT_TRUE(found) << kind;
  return found ? *found : nothing;
}
inline const Fact& only(const FactSet& set, const char* kind) {
  static const Fact nothing;
  const auto found = set.of_kind(kind);
  EXPECT_EQ(found.size(), 1u) << kind;
  return found.size() == 1 ? *found[0] : nothing;
}
inline std::string text(const Fact& fact, const char* field) {
  const std::string* found = fact.text(field);
  return found ? *found : "(none)";
}

} // namespace scene
