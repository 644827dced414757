// The top of a CPU's stack.  The stacks are those of public bugcheck analyses.
#include <gtest/gtest.h>

#include "stack/stack.h"

namespace dumptriage::stack {
namespace {

struct Named {
  const char* module;
  const char* function; // nullptr: no name
  symbols::NameSource source = symbols::NameSource::pdb;
  bool far = false;
};

Stack make(std::vector<Named> frames, std::size_t sure = SIZE_MAX) {
  Stack stack;
  for (const Named& named : frames) {
    Frame frame;
    frame.module = 0;
    frame.module_name = named.module;
    if (!*named.module) frame.module.reset();
    if (named.function) {
      symbols::NamedSymbol symbol;
      symbol.symbol.function = named.function;
      symbol.symbol.source = named.source;
      symbol.symbol.far = named.far;
      symbol.exact = true;
      frame.symbol = symbol;
    }
    stack.frames.push_back(frame);
  }
  stack.sure_frames = std::min(sure, stack.frames.size());
  return stack;
}

TEST(Top, BelowTheBugcheck) {
  const Top top = top_of_stack(make({{"ntoskrnl.exe", "KeBugCheckEx"},
                                     {"ntoskrnl.exe", "KiBugCheckDispatch"},
                                     {"ntoskrnl.exe", "KiPageFault"},
                                     {"netbt.sys", "NbtCopyToStartOfIndicate"},
                                     {"netbt.sys", "Other"}}),
                               false);
  EXPECT_EQ(top.frame, 3u);
}

TEST(Top, BelowTheFreeze) {
  const Top top = top_of_stack(make({{"nt", "KiFreezeTargetExecution"},
                                     {"nt", "KiProcessNMI"},
                                     {"nt", "KxNmiInterrupt"},
                                     {"nt", "KiNmiInterruptStart"},
                                     {"nt", "KeAcquireSpinLock"}}),
                               false);
  EXPECT_EQ(top.frame, 4u);
}

TEST(Top, OnlyTheLeadingRunIsSkipped) {
  EXPECT_EQ(top_of_stack(make({{"nt", "IdleFunction"}, {"nt", "KeBugCheckEx"}}), false).frame, 0u);
  EXPECT_EQ(
      top_of_stack(
          make({{"nt", "KeBugCheckEx"}, {"a.sys", "f"}, {"nt", "KiPageFault"}, {"b.sys", "g"}}),
          false)
          .frame,
      1u);
}

TEST(Top, TheFaultContextIsTheTop) {
  EXPECT_EQ(top_of_stack(make({{"nt", nullptr}}), true).frame, 0u);
  EXPECT_EQ(top_of_stack(make({{"nt", "KeBugCheckEx"}}), true).frame, 0u);
}

TEST(Top, AFrameOfAnotherImageEndsTheRunNamedOrNot) {
  EXPECT_EQ(top_of_stack(make({{"nt", "KeBugCheckEx"}, {"netbt.sys", nullptr}}), false).frame, 1u);
  // a driver's function that happens to be called like the machinery
  EXPECT_EQ(top_of_stack(make({{"evil.sys", "KeBugCheckEx"}, {"a.sys", "f"}}), false).frame, 0u);
}

TEST(Top, WithoutNamesItIsNotKnown) {
  for (const Named& unnamed :
       {Named{"ntoskrnl.exe", nullptr}, Named{"hal.dll", nullptr}, Named{"ntdll.dll", nullptr},
        Named{"ntoskrnl.exe", "Far", symbols::NameSource::pdb_public, true},
        Named{"ntoskrnl.exe", "NearestExport", symbols::NameSource::exports}}) {
    const Top top = top_of_stack(make({{"nt", "KeBugCheckEx"}, unnamed, {"a.sys", "f"}}), false);
    EXPECT_FALSE(top.frame.has_value()) << unnamed.module;
    EXPECT_NE(top.why_unknown, "");
  }
}

TEST(Top, AnExportMayNameTheMachinery) {
  const Top top = top_of_stack(
      make({{"nt", "KeBugCheckEx", symbols::NameSource::exports}, {"a.sys", "f"}}), false);
  EXPECT_EQ(top.frame, 1u);
}

TEST(Top, NamesFromAStrangersSymbolsDecideNothing) {
  Stack stack = make({{"ntoskrnl.exe", "KeBugCheckEx"}, {"netbt.sys", "NbtCopyToStartOfIndicate"}});
  ASSERT_EQ(top_of_stack(stack, false).frame, 1u);
  stack.frames[0].symbol->origin = memory::Origin::sibling;
  EXPECT_FALSE(top_of_stack(stack, false).frame);
  stack.frames[0].symbol->origin = memory::Origin::image;
  stack.frames[0].symbol->exact = false;
  EXPECT_FALSE(top_of_stack(stack, false).frame);
}

TEST(Top, AGuessedFrameIsNoTop) {
  const Top top = top_of_stack(make({{"nt", "KeBugCheckEx"}, {"netbt.sys", "f"}}, 1), false);
  EXPECT_FALSE(top.frame.has_value());
  EXPECT_NE(top.why_unknown, "");
  EXPECT_FALSE(top_of_stack(make({}), false).frame.has_value());
}

TEST(Top, NamesMatchWholeOrByTheirStar) {
  EXPECT_EQ(top_of_stack(make({{"nt", "KiPageFaultShadow"}, {"a.sys", "f"}}), false).frame, 1u);
  EXPECT_EQ(top_of_stack(make({{"nt", "KeBugCheckExtra"}, {"a.sys", "f"}}), false).frame, 0u);
}

} // namespace
} // namespace dumptriage::stack
