// Conditions on the stop and the system: exception, parameters, status_text, os, hang_dump.
#include <gtest/gtest.h>

#include "rules/facts_builder.h"

namespace dumptriage::rules::test {
namespace {

TEST(Exception, OfAProgramOrBehindABugcheck) {
  Fact program = stop_kind("exception");
  program.fields["code"] = number(0xC0000005);
  Fact kernel = stop(0x1E);
  kernel.fields["exception_code"] = number(0xC0000005);
  EXPECT_EQ(answer("exception: {code: 0xC0000005}", with({program})), "yes");
  EXPECT_EQ(answer("exception: STATUS_ACCESS_VIOLATION", with({kernel})), "yes");
  EXPECT_EQ(answer("exception: [0xC0000005, 0xC00000FD]", with({program})), "yes");
  EXPECT_EQ(answer("exception: 0xC00000FD", with({program})), "no");
  EXPECT_EQ(answer("exception: 0xC0000005", with({stop(0x24)})), "cannot tell");
  EXPECT_EQ(answer("exception: 0xC0000005", with({stop(0xA)})), "no");
  EXPECT_EQ(answer("exception: 0xC0000005", with({stop_kind("exception")})), "cannot tell");
  EXPECT_EQ(answer("exception: 0xC0000005", with({stop_kind("none")})), "no");
  EXPECT_EQ(answer("exception: 0xC0000005", seen_in_part({stop_kind("none")})), "cannot tell");
  EXPECT_EQ(answer("exception: 0xC0000005", FactSet{}), "cannot tell");
}

Fact stop_with(std::uint64_t code, std::vector<std::uint64_t> values) {
  Fact made = stop(code);
  for (std::size_t i = 0; i < values.size(); ++i)
    made.fields["p" + std::to_string(i + 1)] = Address{values[i]};
  return made;
}

FactSet netbt_stop() {
  return with({stop_with(0xA, {0xFC, 2, 0, 0xF86D147A}),
               module("netbt.sys", {{"base", Address{0xF86D1000}}, {"size", number(0x1E000)}})});
}

TEST(Parameters, EveryTestOfAValue) {
  const FactSet set = netbt_stop();
  const std::pair<const char*, const char*> cases[] = {
      {"p1: 0xFC", "yes"},
      {"p1: 252", "yes"},
      {"p1: [1, 0xFC]", "yes"},
      {"p1: 0xFD", "no"},
      {"p1: {equals: 0xFC}", "yes"},
      {"p1: {below: 0x1000}", "yes"},
      {"p1: {below: 0xFC}", "no"},
      {"p1: {at_least: 0xFC}", "yes"},
      {"p1: {at_least: 0xFD}", "no"},
      {"p1: {bits: 0x3C}", "yes"},
      {"p1: {bits: 0x101}", "no"},
      {"p4: {high16: 0xF86D}", "yes"},
      {"p4: {high16: 0xF86E}", "no"},
      {"p4: {page_offset: 0x47A}", "yes"},
      {"p4: {page_offset: 0x47B}", "no"},
      {"p4: {in: netbt.sys}", "yes"},
      {"p4: {in: netbt.sys, rva: 0x47A}", "yes"},
      {"p4: {in: netbt.sys, rva: 0x47B}", "no"},
      {"p4: {in: tcpip.sys}", "no"},
      {"p1: {in: netbt.sys}", "no"},
      {"p1: {same_as: p2}", "no"},
      {"p1: 0xFC, p2: 2, p3: 0, p4: {in: netbt, page_offset: 0x47A}", "yes"},
      {"p1: 0xFC, p2: 2, p3: 1", "no"},
  };
  for (auto [test, expected] : cases)
    EXPECT_EQ(answer(std::string("parameters: {") + test + "}", set), expected) << test;
}

TEST(Parameters, EqualTextAndStatus) {
  FactSet set = with({stop_with(0x1E, {0xFFFFFFFFC0000005, 0x6C7A7543, 0x6C7A7543})});
  EXPECT_EQ(answer("parameters: {p2: {same_as: p3}}", set), "yes");
  EXPECT_EQ(answer("parameters: {p1: 0xC0000005}", set), "yes"); // sign-extended
  EXPECT_EQ(answer("parameters: {p1: {status: STATUS_ACCESS_VIOLATION}}", set), "yes");
  EXPECT_EQ(answer("parameters: {p1: {status: 0xC0000006}}", set), "no");
  EXPECT_EQ(answer("parameters: {p2: {text: true}}", set), "yes");
  EXPECT_EQ(answer("parameters: {p2: {text: Cuzl}}", set), "yes");
  EXPECT_EQ(answer("parameters: {p2: {text: lzuC}}", set), "no");
  EXPECT_EQ(answer("parameters: {p1: {text: true}}", set), "no");
  EXPECT_EQ(answer("parameters: {p3: {same_as: p4}}", set), "cannot tell"); // p4 is not stored
  EXPECT_EQ(answer("parameters: {p4: 0}", set), "cannot tell");
  EXPECT_EQ(answer("parameters: {p4: 0, p2: 1}", set), "no");
}

TEST(Parameters, FactsOfParametersAndOtherStops) {
  FactSet set = with({stop(0xA), fact("parameter", "parameter:4",
                                      {{"number", number(4)},
                                       {"value", Address{0xF86D147A}},
                                       {"module", text("netbt.sys")},
                                       {"rva", number(0x47A)}})});
  EXPECT_EQ(answer("parameters: {p4: {in: netbt.sys, rva: 0x47A}}", set), "yes");
  EXPECT_EQ(answer("parameters: {p1: 1}", with({stop_kind("exception")})), "no");
  EXPECT_EQ(answer("parameters: {p1: 1}", seen_in_part({stop_kind("none")})), "cannot tell");
  FactSet part = netbt_stop();
  cover(part, "module", Extent::partial);
  EXPECT_EQ(answer("parameters: {p1: {in: netbt.sys}}", part), "cannot tell");
  EXPECT_EQ(answer("parameters: {p4: {in: tcpip.sys}}", part), "no");
}

TEST(StatusText, ImageAndStatusOfOneStop) {
  FactSet set = with({fact("status_text", "status_text:1",
                           {{"image", text("winlogon.exe")}, {"status", number(0xC0000005)}})});
  EXPECT_EQ(answer("status_text: {image: winlogon.exe, status: 0xC0000005}", set), "yes");
  EXPECT_EQ(answer("status_text: {image: winlogon}", set), "yes");
  EXPECT_EQ(answer("status_text: {status: STATUS_ACCESS_VIOLATION}", set), "yes");
  EXPECT_EQ(answer("status_text: {image: csrss.exe}", set), "no");
  EXPECT_EQ(answer("status_text: {image: csrss.exe}", with({})), "no");
  EXPECT_EQ(answer("status_text: {image: csrss.exe}", seen_in_part({})), "cannot tell");
  find(set, "status_text:1").fields.erase("status");
  EXPECT_EQ(answer("status_text: {image: winlogon.exe, status: 5}", set), "cannot tell");
  EXPECT_EQ(answer("status_text: {image: csrss.exe, status: 5}", set), "no");
}

TEST(Os, KernelThatWasLoaded) {
  Fact pae = os("2000", 4, "x86");
  pae.fields["pae"] = true;
  pae.fields["multiprocessor_kernel"] = true;
  EXPECT_EQ(answer("os: {pae: true, multiprocessor: true}", with({pae})), "yes");
  EXPECT_EQ(answer("os: {pae: false}", with({pae})), "no");
  EXPECT_EQ(answer("os: {multiprocessor: false}", with({pae})), "no");
  EXPECT_EQ(answer("os: {pae: true}", with({os("2000", 4, "x86")})), "cannot tell");
  EXPECT_EQ(answer("os: {multiprocessor: true}", with({os("2000", 4, "x86")})), "cannot tell");
  EXPECT_EQ(answer("os: {pae: true}", with({os("ws2003", 2, "x64")})), "no");
}

TEST(HangDump, ForcedAndLiveDumps) {
  Fact forced = stop(0xE2), live = stop(0x161);
  forced.fields["forced"] = text("manual");
  live.fields["forced"] = text("live");
  EXPECT_EQ(answer("hang_dump: true", with({forced})), "yes");
  EXPECT_EQ(answer("kernel_crash: true", with({forced})), "no");
  EXPECT_EQ(answer("hang_dump: true", with({live})), "cannot tell");
  EXPECT_EQ(answer("kernel_crash: true", with({live})), "no");
  Fact without_code = stop(1);
  without_code.fields.erase("code");
  without_code.fields.erase("normalized");
  EXPECT_EQ(answer("bugcheck: 0xA", with({without_code})), "cannot tell");
}

TEST(DumpSet, OneDumpCannotTell) {
  EXPECT_EQ(answer("dump_set: {at_least: 3, distinct_codes: 3}", with({stop(0xA)})), "cannot tell");
}

} // namespace
} // namespace dumptriage::rules::test
