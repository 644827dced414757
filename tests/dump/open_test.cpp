#include <string>

#include <gtest/gtest.h>

#include "dump/kernel_samples.h"

namespace dumptriage::dump {
namespace {

using namespace tests;

TEST(Open, WhatIsNoDumpIsAnErrorThatSaysWhatItIs) {
  auto opened = open_bytes(ByteView("PK\x03\x04....", 8));
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, Code::unsupported);
  EXPECT_EQ(opened.error().what, "not a crash dump");
  EXPECT_EQ(opened.error().why, "ZIP archive, 8 bytes");
  opened = open_bytes(ByteView());
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().why, "empty file");
}

TEST(Open, AKernelDumpWithoutItsParametersIsAnErrorThatSaysWhatItIs) {
  synth::Bytes bytes = synth::write_triage64(two_cpus());
  auto opened = open_bytes(ByteView(bytes.data(), 0x5F));
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, Code::truncated);
  EXPECT_EQ(opened.error().why,
            "64-bit kernel full dump of Windows 10 or Server (build 19041), x64, cut "
            "short at 95 bytes inside its header");
}

TEST(Open, AMissingFileIsAnIoError) {
  auto opened = open("no/such/file.dmp");
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, Code::io);
}

TEST(Open, TheDumpKeepsItsFile) {
  synth::Bytes bytes = synth::write_triage64(two_cpus());
  auto dump = open_bytes(bytes);
  ASSERT_TRUE(dump);
  ASSERT_TRUE(dump->file);
  EXPECT_EQ(dump->file->bytes().size(), bytes.size());
  EXPECT_FALSE(dump->minidump);
  ASSERT_TRUE(dump->memory);
  EXPECT_EQ(dump->description, identify(view_of(bytes)).description);
}

TEST(Open, NamesOfFormatsAndKinds) {
  EXPECT_EQ(name_of(Format::minidump), "minidump");
  EXPECT_EQ(name_of(Format::userdump), "userdump");
  EXPECT_EQ(name_of(Format::kernel), "kernel");
  EXPECT_EQ(name_of(Kind::user), "user");
  EXPECT_EQ(name_of(Kind::summary), "summary");
  EXPECT_EQ(name_of(Kind::rdmp), "rdmp");
  EXPECT_EQ(name_of(Kind::header), "header");
}

} // namespace
} // namespace dumptriage::dump
