#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "dump/kernel_samples.h"

namespace dumptriage::dump {
namespace {

using namespace std::string_view_literals;
using namespace tests;

std::string said_of(std::string bytes) {
  return identify(ByteView(bytes.data(), bytes.size())).description;
}
// The signature with zeros behind it, 1 KB in all.
std::string padded(std::string_view start) {
  std::string bytes(start);
  bytes.resize(1024);
  return bytes;
}

TEST(Identify, FilesBySignature) {
  struct Case {
    std::string_view start, description;
  };
  const Case cases[] = {
      {"PK\x03\x04"sv, "ZIP archive, 1 KB"},
      {"MSCF\0\0\0\0"sv, "cabinet archive, 1 KB"},
      {"7z\xBC\xAF\x27\x1C"sv, "7z archive, 1 KB"},
      {"\x1F\x8B\x08"sv, "gzip compressed file, 1 KB"},
      {"\xFD\x37zXZ\0"sv, "xz compressed file, 1 KB"},
      {"\x28\xB5\x2F\xFD"sv, "zstd compressed file, 1 KB"},
      {"BZh91AY&SY"sv, "bzip2 compressed file, 1 KB"},
      {"SZDD\x88\xF0\x27\x33"sv, "file compressed by COMPRESS.EXE (SZDD), 1 KB"},
      {"Microsoft C/C++ MSF 7.00\r\n\x1a\x44S\0\0\0"sv, "PDB 7.00 symbol file, 1 KB"},
      {"Microsoft C/C++ program database 2.00\r\n\x1aJG\0\0"sv, "PDB 2.00 symbol file, 1 KB"},
      {"DI\0\0\x4C\x01"sv, "DBG symbol file (x86), 1 KB"},
      {"\xCF\xFA\xED\xFE"sv, "Mach-O file, 64-bit, 1 KB"},
      {"\xCA\xFE\xBA\xBE\0\0\0\x02"sv, "Mach-O universal binary, 1 KB"},
      {"\xCA\xFE\xBA\xBE\0\0\0\x34"sv, "Java class file, 1 KB"},
      {"hibr\0\0\0\0"sv, "Windows hibernation file, 1 KB"},
      {"\xD2\xBE\xD2\xBE"sv, "VMware suspend or snapshot state, 1 KB"},
      {"regf\1\0\0\0"sv, "Windows registry hive, 1 KB"},
      {"MZ"sv, "DOS executable, 1 KB"},
      {"\x01\x02\x03\xFF"sv, "raw data (unknown), 1 KB"},
      {"\0"sv, "file of zero bytes only, 1 KB"},
  };
  for (const Case& one : cases) {
    EXPECT_EQ(said_of(padded(one.start)), one.description);
    std::string bytes = padded(one.start);
    Identity identity = identify(ByteView(bytes.data(), bytes.size()));
    EXPECT_FALSE(identity.is_dump) << one.description;
    EXPECT_FALSE(identity.readable) << one.description;
  }
}

TEST(Identify, Text) {
  EXPECT_EQ(said_of("<?xml version=\"1.0\"?><a/>"), "XML text, 25 bytes");
  EXPECT_EQ(said_of("wake up, it is late\n"), "text file, 20 bytes");
  EXPECT_EQ(said_of("MZ says hello\n"), "text file, 14 bytes");
  EXPECT_EQ(said_of("PAGE two\n"), "text file, 9 bytes");
}

TEST(Identify, Elf) {
  std::string elf = padded("\x7F"
                           "ELF\x02\x01\x01"sv);
  elf[16] = 4;
  elf[18] = 62;
  EXPECT_EQ(said_of(elf), "ELF core, 64-bit, x64, 1 KB");
  elf[16] = 2;
  EXPECT_EQ(said_of(elf), "ELF executable, 64-bit, x64, 1 KB");
  elf = padded("\x7F"
               "ELF\x01\x02\x01"sv); // big endian
  elf[17] = 3;
  EXPECT_EQ(said_of(elf), "ELF shared object, 32-bit, 1 KB");
}

TEST(Identify, Pe) {
  std::string pe = padded("MZ"sv);
  pe[0x3C] = static_cast<char>(0x80);
  pe.replace(0x80, 6, "PE\0\0\x64\x86"sv);
  EXPECT_EQ(said_of(pe), "PE executable (x64), 1 KB");
  pe[0x80 + 23] = 0x20;
  EXPECT_EQ(said_of(pe), "PE DLL (x64), 1 KB");
  pe.replace(0x3C, 4, "\xFF\xFF\xFF\xFF"sv);
  EXPECT_EQ(said_of(pe), "DOS executable, 1 KB");
}

TEST(Identify, Dumps) {
  EXPECT_EQ(said_of(""), "empty file");
  std::string user = padded("USERDUMP"sv);
  Identity identity = identify(ByteView(user.data(), user.size()));
  EXPECT_EQ(identity.description, "NT 4 user dump (USERDUMP), 1 KB");
  EXPECT_TRUE(identity.is_dump);
  EXPECT_TRUE(identity.readable);
  std::string torn = padded("PAGEPAGEPAGEPAGE"sv);
  identity = identify(ByteView(torn.data(), torn.size()));
  EXPECT_EQ(identity.description,
            "kernel dump that was never finished (no valid-dump mark), or a page file, 1 KB");
  EXPECT_FALSE(identity.readable);
  synth::Bytes triage = synth::write_triage64(two_cpus());
  identity = identify(view_of(triage));
  EXPECT_TRUE(identity.is_dump);
  EXPECT_TRUE(identity.readable);
  EXPECT_TRUE(identity.description.starts_with(
      "64-bit kernel triage dump of Windows 10 (build 19041), x64, "));
  std::string mdmp = padded("MDMP\x93\xA7\0\0"sv);
  identity = identify(ByteView(mdmp.data(), mdmp.size()));
  EXPECT_TRUE(identity.is_dump);
  EXPECT_TRUE(identity.readable);
  EXPECT_TRUE(identity.description.starts_with("user minidump"));
}

TEST(Identify, EveryShortFileHasASentence) {
  for (int first = 0; first < 256; ++first)
    for (std::size_t length = 1; length < 8; ++length)
      EXPECT_FALSE(said_of(std::string(length, static_cast<char>(first))).empty());
}

} // namespace
} // namespace dumptriage::dump
