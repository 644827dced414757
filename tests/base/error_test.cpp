// What people read when something fails.
#include <gtest/gtest.h>

#include "base/error.h"

namespace dumptriage {
namespace {

TEST(Error, SaysWhatWhyAndWhere) {
  const Error error{Code::truncated, "ThreadList stream", "4096 entries do not fit in 96 bytes",
                    Where::file(0x1A4)};
  EXPECT_EQ(error.message(),
            "ThreadList stream: 4096 entries do not fit in 96 bytes (file offset 0x1A4)");
  EXPECT_EQ((Error{Code::io, "", "is a folder", {}}).message(), "is a folder");
  EXPECT_EQ((Error{Code::io, "a.dmp", "", {}}).message(), "a.dmp");
}

TEST(Where, PlacesInWords) {
  EXPECT_EQ(Where{}.to_string(), "");
  EXPECT_EQ(Where::virtual_address(0x8A01F3C8).to_string(), "virtual 0x8A01F3C8");
  EXPECT_EQ(Where::rva(0x10).to_string(), "rva 0x10");
  EXPECT_EQ(Where::text(3, 7).to_string(), "line 3, column 7");
  EXPECT_EQ((Where{Space::physical, 0x1000, 0}).to_string(), "physical 0x1000");
}

TEST(Note, KeepsCodeAndPlaceOfItsError) {
  const Note note =
      note_of(Error{Code::absent, "KPRCB", "not captured", Where::virtual_address(1)});
  EXPECT_EQ(note.message, "KPRCB: not captured");
  EXPECT_EQ(note.code, Code::absent);
  EXPECT_EQ(note.severity, Severity::warning);
  EXPECT_EQ(note.where, Where::virtual_address(1));
  Notes notes;
  add_note(notes, Severity::info, Code::limit, "text");
  ASSERT_EQ(notes.size(), 1u);
  EXPECT_EQ(notes[0].severity, Severity::info);
}

TEST(Fail, IsAnUnexpectedResult) {
  const Result<int> result = fail(Code::overflow, "a", "b", Where::file(2));
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, Code::overflow);
  EXPECT_EQ(result.error().message(), "a: b (file offset 0x2)");
}

TEST(Names, OfCodesSpacesAndSeverities) {
  EXPECT_EQ(name_of(Code::paged_out), "paged_out");
  EXPECT_EQ(name_of(Code::bad_magic), "bad_magic");
  EXPECT_EQ(name_of(Space::virtual_memory), "virtual");
  EXPECT_EQ(name_of(Severity::error), "error");
}

} // namespace
} // namespace dumptriage
